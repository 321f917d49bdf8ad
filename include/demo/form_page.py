"""Draw one filled-in job application on white paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files

from PIL import Image, ImageDraw, ImageFont

from include.form_fields import JOB_APPLICATION

PAGE_SIZE = (1240, 1060)
INK, PALE, RULE = (28, 32, 40), (92, 98, 110), (168, 174, 184)

MARGIN, GUTTER, BOX_HEIGHT = 70, 24, 92
SECTIONS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    (
        "About you",
        (
            ("first_name", "last_name"),
            ("date_of_birth", "applicant_id"),
            ("email", "phone"),
            ("street",),
            ("city", "postal_code"),
        ),
    ),
    ("About the job", (("position",), ("salary", "start_date"))),
)


@dataclass(frozen=True)
class Pen:
    """How the applicant wrote: the font's package and file, the size in pixels and the ink's RGB."""

    package: str
    file: str
    size: int
    ink: tuple[int, int, int] = INK


TYPEWRITER = Pen("font_caladea", "Caladea-Regular.ttf", 34)
PRINTER = Pen("font_roboto", "Roboto-Regular.ttf", 33)
THIN_PRINTER = Pen("font_source_sans_pro", "SourceSansPro-Light.ttf", 34)
HANDWRITING = Pen("font_intuitive", "Intuitive.ttf", 36, ink=(30, 52, 128))
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
    draw: ImageDraw.ImageDraw, names: tuple[str, ...], top: int, values: Mapping[str, str], pen: Pen
) -> None:
    labels = {field.name: field.label for field in JOB_APPLICATION.fields}
    label_font = load_font("font_roboto", "Roboto-Regular.ttf", 22)
    value_font = load_font(pen.package, pen.file, pen.size)
    width = (PAGE_SIZE[0] - 2 * MARGIN - GUTTER * (len(names) - 1)) // len(names)
    for column, name in enumerate(names):
        left = MARGIN + column * (width + GUTTER)
        draw.rectangle((left, top, left + width, top + BOX_HEIGHT), outline=RULE, width=2)
        draw.text((left + 14, top + 8), labels[name], font=label_font, fill=PALE)
        baseline = top + BOX_HEIGHT - 18
        draw.text((left + 18, baseline), values.get(name, ""), font=value_font, fill=pen.ink, anchor="ls")
