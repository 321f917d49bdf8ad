"""Read the fields of a scanned form with a local OCR engine (RapidOCR; its weights are in the package).

A field's confidence, in percent, is the score of its value times how surely value and label belong together
(:func:`include.form_pairing.pair_fields`). A line's score is halfway between the engine's mean over its
characters, which hides one doubtful digit in a long value, and its most doubtful character, which doubts
every doubled letter; the lowest line counts. Confidence says how clearly the text was read, not that it is
right: a missing space or a small l read for a capital I can score 99.

Besides its fields a form has every word on the page and where it stands, for people to choose from.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypedDict

from include.form_fields import JOB_APPLICATION, FormType
from include.form_pairing import Line, Pair, Point, pair_fields

if TYPE_CHECKING:
    from PIL import Image
    from rapidocr import RapidOCR

MAX_PIXELS = 40_000_000
"""Largest image that is decoded (an A4 page at 600 dpi has 35 million pixels); read from the header."""


class UnreadableImage(ValueError):  # noqa: N818
    """The bytes are no image, a damaged one, or one too large to decode."""


class Box(TypedDict):
    """Where a value or a word stands, each number a share (0 to 1) of the page's width or height."""

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


class ReadWord(TypedDict):
    """A word of the page; about 90 bytes of JSON."""

    text: str
    box: Box


class ReadForm(TypedDict):
    """A page: its size in pixels, every field of the form type in form order, and its words line by line."""

    width: int
    height: int
    fields: list[ReadField]
    words: list[ReadWord]


def read_form(image_bytes: bytes, form_type: FormType = JOB_APPLICATION) -> ReadForm:
    """Read every field of ``form_type``, and every word, from one page image.

    :raises UnreadableImage: the bytes are no image, are cut off, or hold over 40 million pixels.
    """
    page = _decode(image_bytes)
    lines = _read_lines(page)
    pairs = pair_fields([line for line, _ in lines], form_type)
    fields = [
        _read_field(field.name, field.label, pairs.get(field.name), page.size) for field in form_type.fields
    ]
    words = [word for _, of_line in lines for word in of_line]
    return {"width": page.width, "height": page.height, "fields": fields, "words": words}


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


def _read_lines(page: Image.Image) -> list[tuple[Line, list[ReadWord]]]:
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
        line = Line(str(text).strip(), (float(score) + lowest) / 2, _corners(box))  # type: ignore[arg-type]
        placed = [(str(character[0]), _corners(character[2])) for character in scored]
        lines.append((line, _words(line, placed, page.size)))
    return lines


def _corners(box: Any) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in box)


def _words(
    line: Line, characters: Sequence[tuple[str, Sequence[Point]]], size: tuple[int, int]
) -> list[ReadWord]:
    """Part a line into its words; it stays whole where the engine has not placed each of its characters."""
    texts = line.text.split()
    if [character for character, _ in characters] != list("".join(texts)):
        return [{"text": line.text, "box": _box(line.corners, size)}] if texts else []
    top_left, top_right, bottom_right, bottom_left = line.corners
    words: list[ReadWord] = []
    start = 0
    for number, text in enumerate(texts, start=1):
        end = start + len(text)
        corners = [corner for _, own in characters[start:end] for corner in own]
        # The engine places the first and the last character of a line too far inside.
        corners += [top_left, bottom_left] if number == 1 else []
        corners += [top_right, bottom_right] if number == len(texts) else []
        words.append({"text": text, "box": _box(corners, size)})
        start = end
    return words


def _read_field(name: str, label: str, pair: Pair | None, size: tuple[int, int]) -> ReadField:
    if pair is None:
        return {"name": name, "label": label, "value": "", "confidence": 0.0, "box": None}
    confidence = round(100 * max(0.0, min(1.0, pair.score * pair.certainty)), 1)
    return {
        "name": name,
        "label": label,
        "value": pair.text,
        "confidence": confidence,
        "box": _box([corner for line in pair.lines for corner in line.corners], size),
    }


def _box(corners: Sequence[Point], size: tuple[int, int]) -> Box:
    across = [min(1.0, max(0.0, x / size[0])) for x, _ in corners]
    down = [min(1.0, max(0.0, y / size[1])) for _, y in corners]
    return {
        "left": round(min(across), 4),
        "top": round(min(down), 4),
        "width": round(max(across) - min(across), 4),
        "height": round(max(down) - min(down), 4),
    }
