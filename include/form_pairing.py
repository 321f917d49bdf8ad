"""Find which of the lines on a page is the value of which label. Pure: no image, no OCR engine.

Coordinates are pixels of the page image, x to the right, y downwards. The page's skew is estimated
from the lines themselves and undone before anything is compared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from statistics import median

from include.form_fields import FormType

Point = tuple[float, float]

MIN_LABEL_LIKENESS = 0.75
"""How like its label (difflib ratio, 0 to 1) a line must be: about one wrong character in four."""

MAX_GAP = 1.5
"""How far the pieces of one value may be apart in a row, in heights of its label."""

MAX_DISTANCE = 2.4
"""How far a value may be below its label, from middle to middle, in heights of a label."""


@dataclass(frozen=True)
class Line:
    """One line of text as read: four corners clockwise from the top left, and a score from 0 to 1."""

    text: str
    score: float
    corners: tuple[Point, Point, Point, Point]


@dataclass(frozen=True)
class Pair:
    """The lines that make up one field's value and how surely (0 to 1) they belong to its label."""

    text: str
    score: float
    certainty: float
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Placed:
    line: Line
    left: float
    right: float
    middle: float
    height: float


@dataclass(frozen=True)
class _Label:
    name: str
    likeness: float
    place: _Placed
    rest: str = ""


def pair_fields(lines: Sequence[Line], form_type: FormType) -> dict[str, Pair]:
    """Pair the form's labels with their values.

    A value stands under its label, to its right, or behind a colon in the same line. ``certainty`` is
    the label's likeness times 1 for a value close to its label, falling to 0.6 at the farthest place
    that is still taken. Fields whose label or value is not found are left out.
    """
    placed = _straightened(lines)
    labels = _find_labels(placed, form_type)
    taken = {id(label.place) for label in labels}
    candidates = [item for item in placed if id(item) not in taken]
    pairs = {}
    for label in labels:
        pair = _behind_colon(label) or _in_cell(label, labels, candidates)
        if pair is not None:
            pairs[label.name] = pair
    return pairs


def _straightened(lines: Sequence[Line]) -> list[_Placed]:
    slopes = []
    for line in lines:
        (left, top), (right, end), _, _ = line.corners
        if right - left > 60:
            slopes.append(math.atan2(end - top, right - left))
    angle = -median(slopes) if slopes else 0.0
    return [_place(line, math.cos(angle), math.sin(angle)) for line in lines]


def _place(line: Line, cos: float, sin: float) -> _Placed:
    turned = [(x * cos - y * sin, x * sin + y * cos) for x, y in line.corners]
    across, down = [x for x, _ in turned], [y for _, y in turned]
    return _Placed(line, min(across), max(across), (min(down) + max(down)) / 2, max(down) - min(down))


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def _likeness(read: str, label: str) -> float:
    return SequenceMatcher(None, _plain(read), _plain(label), autojunk=False).ratio()


def _find_labels(placed: Iterable[_Placed], form_type: FormType) -> list[_Label]:
    found = []
    for item in placed:
        before, colon, after = item.line.text.partition(":")
        for field in form_type.fields:
            likeness = _likeness(before, field.label)
            if likeness >= MIN_LABEL_LIKENESS:
                found.append(_Label(field.name, likeness, item, after.strip() if colon else ""))
    found.sort(key=lambda label: (-label.likeness, label.place.middle))
    chosen: dict[str, _Label] = {}
    used: set[int] = set()
    for label in found:
        if label.name not in chosen and id(label.place) not in used:
            chosen[label.name] = label
            used.add(id(label.place))
    return list(chosen.values())


def _behind_colon(label: _Label) -> Pair | None:
    if not label.rest:
        return None
    return Pair(label.rest, label.place.line.score, label.likeness, (label.place.line,))


def _in_cell(label: _Label, labels: Sequence[_Label], candidates: Sequence[_Placed]) -> Pair | None:
    place, height = label.place, max(label.place.height, 1.0)
    right_edge = min(
        (
            other.place.left
            for other in labels
            if other.place.left > place.left + height and abs(other.place.middle - place.middle) < height
        ),
        default=math.inf,
    )
    below, beside = [], []
    for item in candidates:
        drop = item.middle - place.middle
        if not place.left - height < item.left < right_edge - height / 2:
            continue
        if 0.5 * height < drop <= MAX_DISTANCE * height:
            below.append(item)
        elif abs(drop) <= 0.5 * height and item.left >= place.right - height / 2:
            beside.append(item)
    cell = _row(below, place.left + 2 * height, height) or _row(beside, right_edge, height)
    if not cell:
        return None
    far = max(0.0, (abs(cell[0].middle - place.middle) / height - 1.6) / (MAX_DISTANCE - 1.6))
    return Pair(
        " ".join(item.line.text for item in cell),
        min(item.line.score for item in cell),
        label.likeness * (1 - 0.4 * min(1.0, far)),
        tuple(item.line for item in cell),
    )


def _row(items: list[_Placed], start_before: float, height: float) -> list[_Placed]:
    """The uppermost row that starts left of ``start_before``, as far as its pieces hang together."""
    starts = [item for item in items if item.left < start_before]
    if not starts:
        return []
    first = min(starts, key=lambda item: (item.middle, item.left))
    row = sorted(
        (item for item in items if abs(item.middle - first.middle) < first.height / 2),
        key=lambda item: item.left,
    )
    joined = row[:1]
    for item in row[1:]:
        if item.left - joined[-1].right > MAX_GAP * height:
            break
        joined.append(item)
    return joined
