"""Tables as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from fastapi import Response

FORMULA_BEGINS_WITH = ("=", "+", "-", "@", "\t", "\r")


class CsvResponse(Response):
    """A table to be saved as a file."""

    media_type = "text/csv"

    def __init__(self, content: str, name: str) -> None:
        super().__init__(
            content.encode("utf-8", "replace"),
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )


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
