"""What happens to paper on its way into a computer: bad copies, bad scanners, stamps, photographs.

Every function takes an RGB page and returns a new one. All randomness comes from the generator that is
passed in, so the same seed damages the same way.
"""

from __future__ import annotations

import math
from io import BytesIO

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from include.demo.form_page import load_font


def blurred(page: Image.Image, radius: float) -> Image.Image:
    """Put the page out of focus; ``radius`` in pixels."""
    return page.filter(ImageFilter.GaussianBlur(radius))


def skewed(page: Image.Image, degrees: float) -> Image.Image:
    """Lay the page askew on the scanner's glass; positive turns it counter-clockwise."""
    return page.rotate(degrees, resample=Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))


def noisy(page: Image.Image, rng: np.random.Generator, sigma: float) -> Image.Image:
    """Add sensor noise with a standard deviation of ``sigma`` grey levels (0 to 255)."""
    pixels = np.asarray(page, dtype=np.float32)
    grain = rng.standard_normal(pixels.shape[:2], dtype=np.float32)[..., None] * sigma
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def coarse(page: Image.Image, scale: float) -> Image.Image:
    """Scan at a fraction of the resolution: ``scale`` of 0.5 keeps a quarter of the pixels."""
    small = (max(1, round(page.width * scale)), max(1, round(page.height * scale)))
    return page.resize(small, Image.Resampling.BILINEAR).resize(page.size, Image.Resampling.BILINEAR)


def compressed(page: Image.Image, quality: int) -> Image.Image:
    """Save as JPEG of ``quality`` (1 to 95) and read it back, as a bad scanner's software does."""
    buffer = BytesIO()
    page.save(buffer, "JPEG", quality=quality)
    return Image.open(BytesIO(buffer.getvalue())).convert("RGB")


def faded(page: Image.Image, strength: float) -> Image.Image:
    """Copy with an empty toner cartridge: ``strength`` 0 changes nothing, 1 leaves white paper."""
    return Image.blend(page, Image.new("RGB", page.size, "white"), strength)


def stamped(page: Image.Image, text: str, centre: tuple[int, int], degrees: float) -> Image.Image:
    """Press a red office stamp over the page; ``centre`` in pixels."""
    font = load_font("font_roboto", "Roboto-Black.ttf", 54)
    left, top, right, bottom = font.getbbox(text)
    size = (round(right - left) + 60, round(bottom - top) + 44)
    stamp = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(stamp)
    red = (205, 60, 66)
    draw.rectangle((4, 4, size[0] - 5, size[1] - 5), outline=red, width=6)
    draw.text((30 - left, 22 - top), text, font=font, fill=red)
    stamp = stamp.rotate(degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=(255, 255, 255))
    layer = Image.new("RGB", page.size, "white")
    layer.paste(stamp, (centre[0] - stamp.width // 2, centre[1] - stamp.height // 2))
    return ImageChops.multiply(page, layer)


def photographed(page: Image.Image, rng: np.random.Generator, tilt: float, shade: float) -> Image.Image:
    """Photograph the page by hand.

    :param tilt: how far the far edge shrinks, as a share of the width (0 to about 0.1).
    :param shade: how dark the darkest corner gets (0 none, 1 black).
    """
    width, height = page.size
    inset = width * tilt
    lean = float(rng.uniform(-0.3, 0.3)) * inset
    corners = (-inset + lean, 0, 0, height, width, height, width + inset + lean, 0)
    turned = page.transform(
        page.size,
        Image.Transform.QUAD,
        corners,
        resample=Image.Resampling.BICUBIC,
        fillcolor=(255, 255, 255),
    )
    across = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    light = 1 - shade * np.power((across + down) / 2, 1.5)
    pixels = np.asarray(turned, dtype=np.float32) * light[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def spilled(page: Image.Image, centre: tuple[int, int], radius: int) -> Image.Image:
    """Put a coffee cup down on the page; ``centre`` and ``radius`` in pixels."""
    layer = Image.new("RGB", page.size, "white")
    draw = ImageDraw.Draw(layer)
    for ring in range(7):
        reach = radius - ring * 4
        tone = 150 + round(14 * math.sin(ring * 1.7)) + ring * 8
        box = (centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
        draw.ellipse(box, outline=(tone + 45, tone + 10, tone - 40), width=5)
    return ImageChops.multiply(page, layer.filter(ImageFilter.GaussianBlur(1.2)))
