"""Tables as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from fastapi import Response

FORMULA_BEGINS_WITH = ("=", "+", "-", "@", "\t", "\r")


class CsvResponse(Response):
    """A table."""

    media_type = "text/csv"


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> CsvResponse:
    """Answer with a table that a browser saves as a file."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    # A name may hold half of a surrogate pair, which is no text to a file.
    return CsvResponse(csv_text(header, rows).encode("utf-8", "replace"), headers=headers)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as CSV (RFC 4180). What is missing is an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(header)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return file.getvalue()


def _cell(value: object) -> object:
    """Keep a spreadsheet from taking a text for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA_BEGINS_WITH):
        return f"'{value}"
    return "" if value is None else value
