"""Dawid-Skene: against a plain reference, against majority, and its limits."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2i.dawid_skene import dawid_skene

Answer = tuple[Any, str, Any]


def reference(answers: list[Answer], rounds: int) -> dict[Any, dict[Any, float]]:
    """The equations of the paper, one after the other, with products in place of logarithms."""
    items = sorted({item for item, _, _ in answers})
    reviewers = sorted({reviewer for _, reviewer, _ in answers})
    labels = sorted({label for _, _, label in answers})
    times = Counter(answers)
    truth = {}
    for item in items:
        votes = Counter(label for i, _, label in answers if i == item)
        truth[item] = {label: votes[label] / votes.total() for label in labels}
    for _ in range(rounds):
        share = {j: sum(truth[i][j] for i in items) / len(items) for j in labels}
        rate: dict[tuple[str, Any, Any], float] = defaultdict(float)
        for k in reviewers:
            for j in labels:
                below = sum(truth[i][j] * times[i, k, m] for i in items for m in labels)
                for m in labels:
                    if below:
                        rate[k, j, m] = sum(truth[i][j] * times[i, k, m] for i in items) / below
        for i in items:
            product = dict(share)
            for j in labels:
                for k in reviewers:
                    for m in labels:
                        product[j] *= rate[k, j, m] ** times[i, k, m]
            truth[i] = {j: product[j] / sum(product.values()) for j in labels}
    return truth


def simulated(
    items: int, reviewers: list[float], labels: int, answers_each: int, seed: int
) -> tuple[dict[int, int], list[Answer]]:
    """The truth, and answers of reviewers who are right with a known probability and else err evenly."""
    random_ = random.Random(seed)
    truth = {item: random_.randrange(labels) for item in range(items)}
    answers = []
    for item, label in truth.items():
        for reviewer in random_.sample(range(len(reviewers)), answers_each):
            wrong = random_.choice([other for other in range(labels) if other != label])
            given_label = label if random_.random() < reviewers[reviewer] else wrong
            answers.append((item, f"r{reviewer}", given_label))
    return truth, answers


ANSWERS = st.dictionaries(
    st.tuples(st.integers(0, 5), st.sampled_from(["r0", "r1", "r2"])), st.sampled_from("ab"), min_size=1
).map(lambda answers: [(item, reviewer, label) for (item, reviewer), label in answers.items()])


@given(ANSWERS, st.integers(1, 6))
def test_it_equals_the_papers_equations(answers: list[Answer], rounds: int) -> None:
    result = dawid_skene(answers, most_rounds=rounds, tolerance=1e-300)
    expected = reference(answers, result.rounds)
    for item, probabilities in expected.items():
        for label, probability in probabilities.items():
            assert result.probabilities[item][label] == pytest.approx(probability, abs=1e-6)


def test_it_equals_the_papers_equations_on_a_larger_case() -> None:
    _, answers = simulated(60, [0.9, 0.8, 0.6, 0.5], 3, 3, seed=3)
    result = dawid_skene(answers)
    expected = reference(answers, result.rounds)
    for item, probabilities in expected.items():
        assert result.probabilities[item] == pytest.approx(probabilities, abs=1e-6)


def majority(answers: list[Answer]) -> dict[Any, Any]:
    votes: dict[Any, Counter[Any]] = defaultdict(Counter)
    for item, _, label in answers:
        votes[item][label] += 1
    return {item: counts.most_common(1)[0][0] for item, counts in votes.items()}


@pytest.mark.parametrize("seed", range(3))
def test_it_beats_majority_where_reviewers_differ(seed: int) -> None:
    rates = [0.95, 0.8, 0.6]
    truth, answers = simulated(1_000, rates, 2, 3, seed)
    result = dawid_skene(answers)
    assert result.converged
    voted = majority(answers)
    right = sum(result.labels[item] == label for item, label in truth.items())
    assert right > sum(voted[item] == label for item, label in truth.items())
    for number, rate in enumerate(rates):
        for label in (0, 1):
            assert result.error_rates[f"r{number}"][label][label] == pytest.approx(rate, abs=0.08)
    assert sum(result.shares.values()) == pytest.approx(1)


@given(ANSWERS)
def test_the_likelihood_never_falls(answers: list[Answer]) -> None:
    """What EM promises: the answers become no less likely from round to round."""

    def likelihood(rounds: int) -> float:
        result = dawid_skene(answers, most_rounds=rounds, tolerance=1e-300)
        total = 1.0
        for item in result.labels:
            given_labels = [(reviewer, label) for i, reviewer, label in answers if i == item]
            chance = 0.0
            for true, share in result.shares.items():
                for reviewer, label in given_labels:
                    share *= result.error_rates[reviewer].get(true, {}).get(label, 0.0)
                chance += share
            total *= chance
        return total

    for before, after in pairwise(map(likelihood, range(1, 5))):
        assert after >= before * (1 - 1e-9)


def test_ties_are_disputes_and_the_order_does_not_matter() -> None:
    tie = dawid_skene([("i", "r0", "a"), ("i", "r1", "b")])
    assert tie.labels == {"i": None}
    _, answers = simulated(40, [0.9, 0.7, 0.6], 3, 3, seed=5)
    one, other = dawid_skene(answers), dawid_skene(answers[::-1])
    assert one.labels == other.labels


def test_many_answers_of_one_item_do_not_underflow() -> None:
    """The product of three thousand probabilities is zero as a float."""
    truth, answers = simulated(6, [0.7] * 3_000, 2, 3_000, seed=2)
    assert dawid_skene(answers).labels == truth


def test_limits() -> None:
    assert dawid_skene([]).labels == {}
    unanimous = dawid_skene([("i", "r0", "a"), ("i", "r1", "a")])
    assert (unanimous.labels, unanimous.converged, unanimous.rounds) == ({"i": "a"}, True, 1)
    _, answers = simulated(100, [0.7, 0.6, 0.6], 3, 3, seed=1)
    short = dawid_skene(answers, most_rounds=2)
    assert (short.rounds, short.converged) == (2, False)
    with pytest.raises(ValueError, match="'r0' answered the item 'i' more than once"):
        dawid_skene([("i", "r0", "a"), ("i", "r0", "b")])
    for limits in ({"most_rounds": 0}, {"tolerance": 0.0}, {"tolerance": float("nan")}):
        with pytest.raises(ValueError, match="most_rounds must be 1 or more"):
            dawid_skene([], **limits)  # type: ignore[arg-type]
