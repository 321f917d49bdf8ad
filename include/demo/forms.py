"""Make filled-in form images whose true values are known.

``python -m include.demo.forms OUTDIR --count 12 --seed 7`` writes ``form-001.jpg`` … and ``truth.json``
(``{file name: {field name: value}}``). The same count, seed and package versions give the same bytes;
a form depends on the seed and its own number only, so a larger count leaves the first forms as they were.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from faker import Faker
from PIL import Image

from include.demo import form_page, scan_damage
from include.form_fields import JOB_APPLICATION

DEFAULT_COUNT, DEFAULT_SEED, MAX_COUNT = 12, 7, 500
TRUTH_FILE = "truth.json"

Damage = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True)
class Origin:
    """Where a form comes from: who wrote it with what, and what the scan did to it."""

    name: str
    pen: form_page.Pen
    damage: Damage
    jpeg_quality: int = 88


@dataclass(frozen=True)
class Form:
    """One form: file name, image bytes (JPEG), what is really written on it, and its origin's name."""

    file_name: str
    image: bytes
    truth: dict[str, str]
    origin: str


def _clean(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    return scan_damage.noisy(page, rng, 1)


def _fax(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    page = scan_damage.skewed(scan_damage.coarse(page, 0.5), float(rng.uniform(0.6, 1.2)))
    return scan_damage.noisy(page, rng, 20)


def _blurred_copy(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    page = scan_damage.skewed(scan_damage.blurred(page, 1.9), float(rng.uniform(-1.4, -0.7)))
    return scan_damage.noisy(page, rng, 10)


def _stamped(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    page = scan_damage.stamped(page, "RECEIVED", (840, int(rng.integers(330, 350))), 9)
    return scan_damage.noisy(scan_damage.blurred(page, 1.0), rng, 8)


def _photo(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    page = scan_damage.blurred(scan_damage.coarse(page, 0.5), 1.1)
    return scan_damage.noisy(scan_damage.photographed(page, rng, 0.035, 0.55), rng, 10)


def _faded_copy(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    page = scan_damage.faded(scan_damage.coarse(page, 0.5), 0.5)
    return scan_damage.noisy(page, rng, 12)


def _spilled(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    page = scan_damage.stamped(page, "ORIGINAL", (410, 830), -6)
    page = scan_damage.spilled(page, (int(rng.integers(240, 300)), 400), 120)
    return scan_damage.noisy(scan_damage.blurred(page, 1.6), rng, 8)


# The order alternates, so that a batch of any size holds easy and hard forms.
ORIGINS = (
    Origin("printed, clean scan", form_page.PRINTER, _clean),
    Origin("typewritten, faxed", form_page.TYPEWRITER, _fax, jpeg_quality=45),
    Origin("handwritten, photographed", form_page.HANDWRITING, _photo, jpeg_quality=40),
    Origin("typewritten, clean scan", form_page.TYPEWRITER, _clean),
    Origin("printed, stamped", form_page.PRINTER, _stamped, jpeg_quality=60),
    Origin("handwritten, blurred copy", form_page.HANDWRITING, _blurred_copy, jpeg_quality=30),
    Origin("light print, clean scan", form_page.THIN_PRINTER, _clean),
    Origin("light print, faded copy", form_page.THIN_PRINTER, _faded_copy, jpeg_quality=40),
    Origin("printed, clean scan", form_page.PRINTER, _clean),
    Origin("narrow hand, blurred copy", form_page.NARROW_HAND, _blurred_copy, jpeg_quality=35),
    Origin("typewritten, clean scan", form_page.TYPEWRITER, _clean),
    Origin("typewritten, stamped and spilled on", form_page.TYPEWRITER, _spilled, jpeg_quality=45),
)

POSITIONS = (
    "Warehouse clerk",
    "Night nurse",
    "Payroll accountant",
    "Bus driver",
    "Laboratory technician",
    "Receptionist",
    "Machine operator",
    "Kitchen assistant",
)
# Letters and digits that are easily taken for one another are in it, as in real reference numbers.
ID_CHARACTERS = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"


def make_form(number: int, seed: int) -> Form:
    """Make form ``number`` (from 1) of the batch with ``seed``."""
    digest = hashlib.sha256(f"{JOB_APPLICATION.name}/{seed}/{number}".encode()).digest()
    own_seed = int.from_bytes(digest[:8], "big")
    origin = ORIGINS[(number - 1) % len(ORIGINS)]
    truth = _fill_in(own_seed)
    if origin.pen is form_page.NARROW_HAND:  # a font of capitals only
        truth = {name: value.upper() for name, value in truth.items()}
    page = origin.damage(form_page.draw_page(truth, origin.pen), np.random.default_rng(own_seed))
    buffer = BytesIO()
    page.save(buffer, "JPEG", quality=origin.jpeg_quality)
    return Form(f"form-{number:03d}.jpg", buffer.getvalue(), truth, origin.name)


def make_forms(count: int = DEFAULT_COUNT, seed: int = DEFAULT_SEED) -> list[Form]:
    """Make ``count`` forms (1 to 500); raises ValueError for a count outside."""
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"count: {count} forms were asked for; it can be 1 to {MAX_COUNT}")
    return [make_form(number, seed) for number in range(1, count + 1)]


def write_forms(forms: list[Form], folder: Path) -> Path:
    """Write the images and ``truth.json`` into ``folder`` (made if missing); returns the truth's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for form in forms:
        (folder / form.file_name).write_bytes(form.image)
    truth = {form.file_name: form.truth for form in forms}
    path = folder / TRUTH_FILE
    path.write_text(json.dumps(truth, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def digest_of(forms: list[Form]) -> str:
    """A short digest (12 hex digits) of the images' names and bytes."""
    sha = hashlib.sha256()
    for form in forms:
        sha.update(f"{form.file_name}:{len(form.image)}:".encode())
        sha.update(form.image)
    return sha.hexdigest()[:12]


def _fill_in(seed: int) -> dict[str, str]:
    pick = random.Random(seed)
    person = Faker("en_US")
    person.seed_instance(seed)
    first, last = person.first_name(), person.last_name()
    applicant_id = "".join(pick.choices(ID_CHARACTERS, k=6))
    separator = pick.choice((".", "_", ""))
    host = pick.choice(("example.com", "example.org", "mail.example.net"))
    return {
        "first_name": first,
        "last_name": last,
        "date_of_birth": f"{pick.randint(1962, 2007)}-{pick.randint(1, 12):02d}-{pick.randint(1, 28):02d}",
        "applicant_id": f"JA-{applicant_id}",
        "email": f"{first[0]}{separator}{last}{pick.randint(2, 99)}@{host}".lower(),
        "phone": f"{pick.randint(201, 989)}-555-01{pick.randint(0, 99):02d}",
        "street": person.street_address(),
        "city": person.city(),
        "postal_code": pick.choice((person.zipcode(), person.zipcode_plus4())),
        "position": pick.choice(POSITIONS),
        "salary": f"{pick.randint(2400, 9800) * 10:,}.{pick.choice(('00', '50'))}",
        "start_date": f"20{pick.randint(27, 28)}-{pick.randint(1, 12):02d}-{pick.randint(1, 28):02d}",
    }


def main(arguments: list[str] | None = None) -> int:
    """Write forms as the command line says; returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m include.demo.forms", description=__doc__.split("\n")[0])
    parser.add_argument("outdir", type=Path, help="folder to write to (made if missing)")
    parser.add_argument("--count", type=int, default=DEFAULT_COUNT, help=f"1 to {MAX_COUNT} (default 12)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="another seed, other forms")
    options = parser.parse_args(arguments)
    try:
        forms = make_forms(options.count, options.seed)
        write_forms(forms, options.outdir)
    except (OSError, ValueError) as error:
        print(f"forms: {error}", file=sys.stderr)
        return 2
    print(f"{len(forms)} forms and {TRUTH_FILE} written to {options.outdir}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
