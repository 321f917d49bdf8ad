"""Dawid-Skene: the likeliest label of every item, and how each reviewer errs. Pure Python.

Dawid and Skene 1979, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm". Every reviewer
has a table of how often they give each label to items of each true label; table and true labels are estimated in turn.

It starts with the votes: an item's probability of a label is the label's share of its answers. It ends when no
probability moved by more than a tolerance, or after a number of rounds. It finds a local maximum, the one near the
majority: where most answers are wrong together it follows them.

Use it for one closed question with a few labels, with some hundred items and at least some ten answers a reviewer:
below that majority is as good or better. All answers are held in memory, and a round takes time in proportion to
answers times labels.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DawidSkene:
    """The estimate.

    :ivar labels: the likeliest label of every item; None if two are equally likely, which is a dispute.
    :ivar probabilities: by item the probability of every label.
    :ivar error_rates: by reviewer and true label the probability of every given label; a true label of which the
        reviewer saw no item is left out.
    :ivar shares: by label the estimated share of the items.
    :ivar rounds: how many rounds were run.
    :ivar converged: whether the tolerance was reached.
    """

    labels: Mapping[Hashable, Hashable | None]
    probabilities: Mapping[Hashable, Mapping[Hashable, float]]
    error_rates: Mapping[str, Mapping[Hashable, Mapping[Hashable, float]]]
    shares: Mapping[Hashable, float]
    rounds: int
    converged: bool


def dawid_skene(
    answers: Iterable[tuple[Hashable, str, Hashable]], *, most_rounds: int = 500, tolerance: float = 1e-4
) -> DawidSkene:
    """Estimate the true labels out of many reviewers' answers.

    :param answers: item, reviewer, label; a reviewer answers an item once, and need not answer every item.
    :param most_rounds: at most so many rounds, 1 or more.
    :param tolerance: the largest change of a probability that ends the rounds.
    :raises ValueError: for a second answer of a reviewer to an item, or a limit that is none.
    """
    if most_rounds < 1 or not tolerance > 0:
        raise ValueError("most_rounds must be 1 or more and tolerance more than 0")
    given = _by_item(answers)
    labels = list(dict.fromkeys(label for votes in given.values() for label in votes.values()))
    probabilities = {item: _shares(Counter(votes.values()), labels) for item, votes in given.items()}
    rates: _Rates = {}
    shares: dict[Hashable, float] = {}
    rounds, converged = 0, not given
    while given and rounds < most_rounds and not converged:
        rounds += 1
        shares, rates = _maximise(given, probabilities, labels)
        improved = {item: _expect(votes, shares, rates, labels) for item, votes in given.items()}
        converged = all(
            abs(improved[item][label] - probability) <= tolerance
            for item, before in probabilities.items()
            for label, probability in before.items()
        )
        probabilities = improved
    return DawidSkene(
        {item: _likeliest(by_label) for item, by_label in probabilities.items()},
        probabilities,
        rates,
        shares,
        rounds,
        converged,
    )


_Rates = dict[str, dict[Hashable, dict[Hashable, float]]]
_Votes = dict[str, Hashable]
#: Probabilities that differ by less are equal: the last digits depend on the order of the sums.
_EQUAL = 1e-9


def _by_item(answers: Iterable[tuple[Hashable, str, Hashable]]) -> dict[Hashable, _Votes]:
    given: dict[Hashable, _Votes] = {}
    for item, reviewer, label in answers:
        votes = given.setdefault(item, {})
        if reviewer in votes:
            raise ValueError(f"{reviewer!r} answered the item {item!r} more than once; keep one answer")
        votes[reviewer] = label
    return given


def _shares(counts: Mapping[Hashable, float], labels: list[Hashable]) -> dict[Hashable, float]:
    total = sum(counts.values())
    return {label: counts.get(label, 0) / total for label in labels}


def _maximise(
    given: Mapping[Hashable, _Votes],
    probabilities: Mapping[Hashable, Mapping[Hashable, float]],
    labels: list[Hashable],
) -> tuple[dict[Hashable, float], _Rates]:
    """Estimate the labels' shares and the reviewers' error rates, given the probabilities of the true labels."""
    weights: dict[Hashable, float] = dict.fromkeys(labels, 0.0)
    tables: _Rates = {}
    for item, votes in given.items():
        for label, probability in probabilities[item].items():
            if not probability:
                continue
            weights[label] += probability
            for reviewer, answer in votes.items():
                row = tables.setdefault(reviewer, {}).setdefault(label, {})
                row[answer] = row.get(answer, 0.0) + probability
    rates = {
        reviewer: {label: _shares(row, labels) for label, row in table.items()}
        for reviewer, table in tables.items()
    }
    return _shares(weights, labels), rates


def _expect(
    votes: _Votes, shares: Mapping[Hashable, float], rates: _Rates, labels: list[Hashable]
) -> dict[Hashable, float]:
    """Estimate the probabilities of an item's true label. In logarithms: many answers' product would be zero."""
    likelihoods = {}
    for label in labels:
        factors = [shares[label]]
        factors += [rates[reviewer].get(label, {}).get(answer, 0.0) for reviewer, answer in votes.items()]
        likelihoods[label] = sum(map(math.log, factors)) if all(factors) else -math.inf
    largest = max(likelihoods.values())
    return _shares({label: math.exp(value - largest) for label, value in likelihoods.items()}, labels)


def _likeliest(probabilities: Mapping[Hashable, float]) -> Hashable | None:
    largest = max(probabilities.values())
    labels = [label for label, probability in probabilities.items() if largest - probability < _EQUAL]
    return labels[0] if len(labels) == 1 else None
