"""Read the fields of a scanned form with a local OCR engine (RapidOCR; its weights are in the package).

A field's confidence, in percent, is the score of its value times how surely value and label belong together
(:func:`include.form_pairing.pair_fields`). A line's score is halfway between the engine's mean over its
characters, which hides one doubtful digit in a long value, and its most doubtful character, which doubts
every doubled letter; the lowest line counts. Confidence says how clearly the text was read, not that it is
right: a missing space or a small l read for a capital I can score 99.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypedDict

from include.form_fields import JOB_APPLICATION, FormType
from include.form_pairing import Line, Pair, pair_fields

if TYPE_CHECKING:
    from PIL import Image
    from rapidocr import RapidOCR

MAX_PIXELS = 40_000_000
"""Largest image that is decoded (an A4 page at 600 dpi has 35 million pixels); read from the header."""


class UnreadableImage(ValueError):  # noqa: N818
    """The bytes are no image, a damaged one, or one too large to decode."""


class Box(TypedDict):
    """Where a value stands, each number a share (0 to 1) of the page's width or height."""

    left: float
    top: float
    width: float
    height: float


class ReadField(TypedDict):
    """One field as read. Not found: value "", confidence 0, box None."""

    name: str
    label: str
    value: str
    confidence: float
    box: Box | None


class ReadForm(TypedDict):
    """A page: its size in pixels and every field of the form type, in form order."""

    width: int
    height: int
    fields: list[ReadField]


def read_form(image_bytes: bytes, form_type: FormType = JOB_APPLICATION) -> ReadForm:
    """Read every field of ``form_type`` from one page image.

    :raises UnreadableImage: the bytes are no image, are cut off, or hold over 40 million pixels.
    """
    page = _decode(image_bytes)
    pairs = pair_fields(_read_lines(page), form_type)
    fields = [
        _read_field(field.name, field.label, pairs.get(field.name), page.size) for field in form_type.fields
    ]
    return {"width": page.width, "height": page.height, "fields": fields}


def _decode(image_bytes: bytes) -> Image.Image:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(image_bytes))
    except Image.DecompressionBombError:
        raise UnreadableImage(f"the image has more than {MAX_PIXELS:,} pixels; scan at 300 dpi") from None
    except (UnidentifiedImageError, OSError, ValueError):
        size = f"{len(image_bytes):,} bytes" if image_bytes else "the file is empty"
        raise UnreadableImage(f"not an image: {size}, neither JPEG, PNG nor TIFF") from None
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImage(
            f"the image has {image.width:,} × {image.height:,} pixels, "
            f"more than {MAX_PIXELS:,}; scan at 300 dpi"
        )
    try:
        return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadableImage(f"the image is damaged or cut off: {error}") from None


@lru_cache(maxsize=1)
def _engine() -> RapidOCR:
    """Load the engine once a process: about a second and 300 MB."""
    from rapidocr import RapidOCR

    # The classifier only tells upside-down lines, which a form has none of.
    return RapidOCR(params={"Global.log_level": "critical", "Global.use_cls": False})


def _read_lines(page: Image.Image) -> list[Line]:
    import numpy as np

    blue_green_red = np.ascontiguousarray(np.asarray(page)[:, :, ::-1])
    result: Any = _engine()(blue_green_red, return_word_box=True, return_single_char_box=True)
    if result.txts is None or result.boxes is None:
        return []
    # Lines without a single box are left out of the characters' list: then only whole lines' scores are sure.
    complete = len(result.word_results) == len(result.txts)
    characters = result.word_results if complete else [()] * len(result.txts)
    lines = []
    for text, score, box, scored in zip(result.txts, result.scores, result.boxes, characters, strict=True):
        lowest = min((float(character[1]) for character in scored), default=float(score))
        corners = tuple((float(x), float(y)) for x, y in box)
        lines.append(Line(str(text).strip(), (float(score) + lowest) / 2, corners))  # type: ignore[arg-type]
    return lines


def _read_field(name: str, label: str, pair: Pair | None, size: tuple[int, int]) -> ReadField:
    if pair is None:
        return {"name": name, "label": label, "value": "", "confidence": 0.0, "box": None}
    confidence = round(100 * max(0.0, min(1.0, pair.score * pair.certainty)), 1)
    return {
        "name": name,
        "label": label,
        "value": pair.text,
        "confidence": confidence,
        "box": _box(pair, size),
    }


def _box(pair: Pair, size: tuple[int, int]) -> Box:
    across = [min(1.0, max(0.0, x / size[0])) for line in pair.lines for x, _ in line.corners]
    down = [min(1.0, max(0.0, y / size[1])) for line in pair.lines for _, y in line.corners]
    return {
        "left": round(min(across), 4),
        "top": round(min(down), 4),
        "width": round(max(across) - min(across), 4),
        "height": round(max(down) - min(down), 4),
    }
