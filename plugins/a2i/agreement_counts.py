"""What measures of agreement count, item by item: by value, never by item. Pure Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

#: Different values of a field that a report counts; beyond, its chance-corrected measures are left undefined.
MOST_VALUES: Final = 10_000

Answers = Sequence[Hashable | None]

NO_PAIRS: Final = "no item has two answers"
ONE_VALUE: Final = "every answer has the same value, so chance alone explains the agreement"
TOO_MANY: Final = f"there are more than {MOST_VALUES} different values"


@dataclass(frozen=True)
class Measure:
    """A measure's value.

    :ivar value: None where the measure is not defined.
    :ivar reason: why it is not; None where it is.
    :ivar items: how many items the value rests on.
    """

    value: float | None
    reason: str | None
    items: int


class _Totals(Counter[Hashable]):
    """How often each value occurs; of too many values none is kept."""

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self.most = most
        self.overflows = False

    def count(self, value: Hashable, times: int) -> None:
        if not self.overflows:
            self[value] += times
            if self.most is not None and len(self) > self.most:
                self.overflows = True
                self.clear()

    def sum_of_squares(self) -> int:
        return sum(times * times for times in self.values())


class Counts:
    """What percent agreement, Fleiss' kappa and nominal alpha need of all items."""

    def __init__(self, most_values: int | None = None) -> None:
        self._all = _Totals(most_values)
        self._paired = _Totals(most_values)
        self._sizes: Counter[int] = Counter()
        self._equal_pairs = 0.0
        self._coinciding = 0.0

    def add(self, answers: Answers) -> None:
        votes = Counter(answer for answer in answers if answer is not None)
        size = votes.total()
        self._sizes[size] += 1
        for value, times in votes.items():
            self._all.count(value, times)
        if size < 2:
            return
        equal = sum(times * (times - 1) for times in votes.values())
        self._equal_pairs += equal / (size * (size - 1))
        self._coinciding += equal / (size - 1)
        for value, times in votes.items():
            self._paired.count(value, times)

    @property
    def items(self) -> int:
        return sum(count for size, count in self._sizes.items() if size > 1)

    @property
    def answers(self) -> int:
        return sum(size * count for size, count in self._sizes.items())

    def percent(self) -> Measure:
        if not self.items:
            return Measure(None, NO_PAIRS, 0)
        return Measure(100 * self._equal_pairs / self.items, None, self.items)

    def fleiss(self) -> Measure:
        if not self.items:
            return Measure(None, NO_PAIRS, 0)
        if len(self._sizes) > 1:
            return Measure(None, "the items have different numbers of answers; use Krippendorff's alpha", 0)
        if self._all.overflows:
            return Measure(None, TOO_MANY, 0)
        total = self._all.total()
        squares = self._all.sum_of_squares()
        if squares == total * total:
            return Measure(None, ONE_VALUE, 0)
        by_chance = squares / total**2
        return Measure((self._equal_pairs / self.items - by_chance) / (1 - by_chance), None, self.items)

    def alpha(self) -> Measure:
        if not self.items:
            return Measure(None, NO_PAIRS, 0)
        if self._paired.overflows:
            return Measure(None, TOO_MANY, 0)
        total = self._paired.total()
        apart = total * total - self._paired.sum_of_squares()
        if not apart:
            return Measure(None, ONE_VALUE, 0)
        return Measure(1 - (total - 1) * (total - self._coinciding) / apart, None, self.items)


class CohenCounts:
    """What Cohen's kappa needs: how often two reviewers agree, and how often each gave each value."""

    def __init__(self, most_values: int | None = None) -> None:
        self._totals = (_Totals(most_values), _Totals(most_values))
        self._items = 0
        self._equal = 0

    def add(self, first: Hashable, second: Hashable) -> None:
        self._items += 1
        self._equal += first == second
        self._totals[0].count(first, 1)
        self._totals[1].count(second, 1)

    def result(self) -> Measure:
        if not self._items:
            return Measure(None, NO_PAIRS, 0)
        one, other = self._totals
        if one.overflows or other.overflows:
            return Measure(None, TOO_MANY, 0)
        # Whole numbers: a table with one value only is found exactly.
        by_chance = sum(times * other[value] for value, times in one.items() if value in other)
        pairs = self._items**2
        if by_chance == pairs:
            return Measure(None, ONE_VALUE, 0)
        return Measure((self._equal * self._items - by_chance) / (pairs - by_chance), None, self._items)
