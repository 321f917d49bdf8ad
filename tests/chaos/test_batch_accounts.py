"""The accounts of a batch: every way in which they can disagree is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from batch_accounts import problems

from a2i.naming import human_loop_name

BATCH_ID = "0123456789abcdef01234567"
EXPECTED = ["a", "b"]
NAMES = [human_loop_name(BATCH_ID, item) for item in EXPECTED]

Accounts = dict[str, Any]


def accounts() -> Accounts:
    return {
        "batch": {"batch_id": BATCH_ID, "items": 2, "started": 2, "failed": 0, "not_needed": 0},
        "expected": EXPECTED,
        "results": [
            {"item_id": item, "status": "Completed", "error": None, "answers": [{"content": {"x": item}}]}
            for item in EXPECTED
        ],
        "ledger": [
            {"item_id": item, "human_loop_name": name} for item, name in zip(EXPECTED, NAMES, strict=True)
        ],
        "loops": [(name, "Completed") for name in NAMES],
        "taken": {name: [{"x": item}] for item, name in zip(EXPECTED, NAMES, strict=True)},
    }


def test_accounts_that_agree() -> None:
    assert list(problems(**accounts())) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda a: a["batch"].update(started=1), "the batch counts"),
        (lambda a: a["results"].pop(), "results: b is missing"),
        (lambda a: a["results"].append(a["results"][0]), "results: a stands there 2 times"),
        (lambda a: a["results"].reverse(), "results: not in the order of the items"),
        (lambda a: a["results"][0].update(item_id="c"), "results: nobody gave c"),
        (lambda a: a["results"][0].update(status="Missing"), "results: a is Missing"),
        (lambda a: a["results"][0]["answers"].clear(), "results: a has the answers []"),
        (lambda a: a["results"][0]["answers"].append({"content": {}}), "results: a has the answers"),
        (lambda a: a["ledger"].pop(), "ledger: b is missing"),
        (lambda a: a["ledger"].append(a["ledger"][0]), "ledger: a stands there 2 times"),
        (lambda a: a["ledger"][0].update(human_loop_name=None), "ledger: a has the human loop None"),
        (lambda a: a["loops"].pop(), f"human loops: {NAMES[1]} is missing"),
        (lambda a: a["loops"].append(a["loops"][0]), f"human loops: {NAMES[0]} stands there 2 times"),
        (lambda a: a["loops"].append(("x", "Completed")), "human loops: nobody gave x"),
        (lambda a: a["loops"].__setitem__(0, (NAMES[0], "Stopped")), f"{NAMES[0]} is Stopped"),
        (lambda a: a["taken"][NAMES[0]].append({"x": "a"}), f"answers: {NAMES[0]} stands there 2 times"),
        (lambda a: a["taken"].pop(NAMES[0]), f"answers: {NAMES[0]} is missing"),
    ],
)
def test_accounts_that_do_not_agree(damage: Callable[[Accounts], object], told: str) -> None:
    damaged = accounts()
    damage(damaged)
    assert any(line.startswith(told) for line in problems(**damaged))
