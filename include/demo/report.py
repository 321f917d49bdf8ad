"""What came of a run: the results compared with the truth, as a table and as ``demo-report.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Truth = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Row:
    """One form: how many fields were right as read and as they are in the results, and who decided."""

    file_name: str
    fields: int
    before: int
    after: int
    source: str
    seconds: float | None
    sure_but_wrong: int


def compare(results: Iterable[Mapping[str, Any]], truth: Truth, threshold: float) -> list[Row]:
    """Compare the rows of ``results.jsonl`` with the truth.

    A field is right if it equals the truth exactly, but for blanks at both ends. ``sure_but_wrong`` counts the
    fields whose confidence was at or above the threshold and that were read wrongly all the same.

    :raises ValueError: a form of the truth is missing in the results.
    """
    by_file = {str(row["document"]).rpartition("/")[2]: row for row in results}
    missing = sorted(set(truth) - set(by_file))
    if missing:
        raise ValueError(f"the results lack {', '.join(missing)}")
    return [_row(name, by_file[name], values, threshold) for name, values in sorted(truth.items())]


def _row(name: str, result: Mapping[str, Any], truth: Mapping[str, str], threshold: float) -> Row:
    read = result["ocr_fields"]
    wrong = [field for field in truth if _text(read.get(field, {}).get("value")) != truth[field].strip()]
    times = [answer["seconds"] for answer in result["answers"] if answer["seconds"] is not None]
    return Row(
        file_name=name,
        fields=len(truth),
        before=len(truth) - len(wrong),
        after=sum(_text(result["fields"].get(field)) == value.strip() for field, value in truth.items()),
        source=result["source"],
        seconds=sum(times) / len(times) if times else None,
        sure_but_wrong=sum(read.get(field, {}).get("confidence", 0) >= threshold for field in wrong),
    )


def totals(rows: Sequence[Row], results: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The counts of the report."""
    loops = [row["human_loop"] for row in results if row["human_loop"]]
    return {
        "documents": len(rows),
        "documents_reviewed": sum(row.source in ("person", "consensus") for row in rows),
        "fields": sum(row.fields for row in rows),
        "fields_correct_before": sum(row.before for row in rows),
        "fields_correct_after": sum(row.after for row in rows),
        "fields_sure_but_wrong": sum(row.sure_but_wrong for row in rows),
        "fields_wrong_unseen": sum(row.fields - row.after for row in rows if row.source == "model"),
        "human_loops_started": len(loops),
        "human_loops_completed": sum(loop["status"] == "Completed" for loop in loops),
    }


def table(rows: Sequence[Row], reviewer: str) -> str:
    """The comparison as text; ``reviewer`` is what one answer came from, such as "simulated reviewer"."""
    decided = {
        "model": "OCR alone: sure of every field",
        "person": f"one {reviewer}",
        "consensus": f"majority of {reviewer}s",
        "none": "nobody",
    }
    lines = [f"  {'form':<14} {'right as read':>13}  {'in the results':>14}   decided by"]
    for row in rows:
        who = decided.get(row.source, row.source)
        pace = f", {row.seconds:.0f} s" if row.seconds is not None else ""
        lines.append(
            f"  {row.file_name:<14} {f'{row.before} of {row.fields}':>13}  "
            f"{f'{row.after} of {row.fields}':>14}   {who}{pace}"
        )
    fields = sum(row.fields for row in rows)
    before, after = sum(row.before for row in rows), sum(row.after for row in rows)
    lines.append(
        f"  {'all':<14} {f'{before} of {fields}':>13}  {f'{after} of {fields}':>14}   "
        f"{before / fields:.1%} → {after / fields:.1%}"
    )
    return "\n".join(lines)


def write_report(path: Path, content: Mapping[str, Any]) -> None:
    """Write the report; the file appears whole or not at all."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def _text(value: Any) -> str:
    return str(value or "").strip()
