"""Draw one filled-in job application on white paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files

from PIL import Image, ImageDraw, ImageFont

from include.form_fields import JOB_APPLICATION

PAGE_SIZE = (1240, 1080)
INK, PALE, RULE = (28, 32, 40), (70, 76, 88), (168, 174, 184)

MARGIN, GUTTER, BOX_HEIGHT = 70, 24, 96
# Rows of fields with their shares of the row's width.
SECTIONS: tuple[tuple[str, tuple[dict[str, float], ...]], ...] = (
    (
        "About you",
        (
            {"first_name": 0.5, "last_name": 0.5},
            {"date_of_birth": 0.5, "applicant_id": 0.5},
            {"email": 0.6, "phone": 0.4},
            {"street": 1.0},
            {"city": 0.6, "postal_code": 0.4},
        ),
    ),
    ("About the job", ({"position": 1.0}, {"salary": 0.5, "start_date": 0.5})),
)


@dataclass(frozen=True)
class Pen:
    """How the applicant wrote: the font's package and file, the size in pixels and the ink's RGB."""

    package: str
    file: str
    size: int
    ink: tuple[int, int, int] = INK


TYPEWRITER = Pen("font_caladea", "Caladea-Regular.ttf", 40)
PRINTER = Pen("font_roboto", "Roboto-Regular.ttf", 39)
THIN_PRINTER = Pen("font_source_sans_pro", "SourceSansPro-Regular.ttf", 40)
HANDWRITING = Pen("font_intuitive", "Intuitive.ttf", 38, ink=(30, 52, 128))
NARROW_HAND = Pen("font_amatic_sc", "AmaticSC-Bold.ttf", 46, ink=(40, 40, 60))


@lru_cache(maxsize=32)
def load_font(package: str, file: str, size: int) -> ImageFont.FreeTypeFont:
    """Load a font from the files of an installed ``font-*`` package.

    The packages also offer themselves through an entry-point group, but two of them name it
    differently, so their files are read directly.
    """
    with as_file(files(package) / "files" / file) as path:
        return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def draw_page(values: Mapping[str, str], pen: Pen) -> Image.Image:
    """Draw the form with ``values`` (by field name) written in ``pen``; missing values stay blank."""
    page = Image.new("RGB", PAGE_SIZE, "white")
    draw = ImageDraw.Draw(page)
    heading = load_font("font_roboto", "Roboto-Bold.ttf", 44)
    section_font = load_font("font_roboto", "Roboto-Medium.ttf", 25)
    draw.text((MARGIN, 48), JOB_APPLICATION.title, font=heading, fill=INK)
    draw.line((MARGIN, 116, PAGE_SIZE[0] - MARGIN, 116), fill=INK, width=3)
    top = 138
    for title, rows in SECTIONS:
        draw.text((MARGIN, top), title, font=section_font, fill=PALE)
        top += 42
        for row in rows:
            _draw_row(draw, row, top, values, pen)
            top += BOX_HEIGHT + 10
        top += 16
    return page


def _draw_row(
    draw: ImageDraw.ImageDraw, shares: Mapping[str, float], top: int, values: Mapping[str, str], pen: Pen
) -> None:
    labels = {field.name: field.label for field in JOB_APPLICATION.fields}
    label_font = load_font("font_roboto", "Roboto-Medium.ttf", 24)
    value_font = load_font(pen.package, pen.file, pen.size)
    paper = PAGE_SIZE[0] - 2 * MARGIN - GUTTER * (len(shares) - 1)
    left = MARGIN
    for name, share in shares.items():
        width = round(paper * share)
        draw.rectangle((left, top, left + width, top + BOX_HEIGHT), outline=RULE, width=2)
        draw.text((left + 14, top + 7), labels[name], font=label_font, fill=PALE)
        baseline = top + BOX_HEIGHT - 18
        draw.text((left + 18, baseline), values.get(name, ""), font=value_font, fill=pen.ink, anchor="ls")
        left += width + GUTTER
