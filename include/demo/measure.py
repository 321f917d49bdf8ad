"""How well the OCR reads the sample forms: ``python -m include.demo.measure [--count 12] [--seed 7]``."""

from __future__ import annotations

import argparse
import sys
import time

from include.demo.forms import DEFAULT_COUNT, DEFAULT_SEED, Form, make_forms
from include.ocr import ReadField, read_form


def main(arguments: list[str] | None = None) -> int:
    """Print a line per form and every field that was read wrongly; returns the process's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m include.demo.measure", description=__doc__.partition(":")[0]
    )
    parser.add_argument("--count", type=int, default=DEFAULT_COUNT)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--threshold", type=float, default=90.0, help="percent; surer fields need nobody")
    options = parser.parse_args(arguments)
    try:
        forms = make_forms(options.count, options.seed)
    except ValueError as error:
        print(f"measure: {error}", file=sys.stderr)
        return 2
    right = total = needless = 0
    for form in forms:
        started = time.monotonic()
        fields = read_form(form.image)["fields"]
        form_right, sure = _report(form, fields, options.threshold, time.monotonic() - started)
        right, total, needless = right + form_right, total + len(fields), needless + sure
    print(
        f"{right} of {total} fields right ({right / total:.1%}), {needless} of {len(forms)} forms need nobody"
    )
    return 0


def _report(form: Form, fields: list[ReadField], threshold: float, seconds: float) -> tuple[int, bool]:
    wrong = [field for field in fields if field["value"].strip() != form.truth[field["name"]]]
    unsure = [field for field in fields if field["confidence"] < threshold]
    lowest = min(field["confidence"] for field in fields)
    print(
        f"{form.file_name}  {form.origin:36} {len(fields) - len(wrong):2} of {len(fields)} right, "
        f"{len(unsure):2} unsure, lowest {lowest:5.1f}, {seconds:.1f} s"
    )
    for field in wrong:
        mark = "unsure" if field in unsure else "SURE"
        print(f"    {field['name']:14} {field['confidence']:5.1f} {mark:6}  ", end="")
        print(f"read {field['value']!r}, is {form.truth[field['name']]!r}")
    return len(fields) - len(wrong), not unsure


if __name__ == "__main__":
    raise SystemExit(main())
