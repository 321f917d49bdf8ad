"""Names are digests: valid, stable, and different for different things."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from a2i.naming import (
    NAME_PATTERN,
    batch_id,
    human_loop_name,
    human_loop_prefix,
    invalid_name,
    resource_name,
    task_human_loop_name,
    versioned_name,
)

TEXT = st.text(min_size=1, max_size=300)
RESOURCE_NAME = st.from_regex(r"[a-z0-9](-*[a-z0-9])*", fullmatch=True).filter(lambda name: len(name) <= 63)


@given(TEXT, TEXT, TEXT, st.integers(-1, 2000), st.integers(1, 9), TEXT)
def test_a_human_loop_name_is_always_valid(
    dag_id: str, run_id: str, task_id: str, map_index: int, round_: int, item_id: str
) -> None:
    batch = batch_id(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index, round=round_)
    name = human_loop_name(batch, item_id)
    assert len(name) <= 63
    assert NAME_PATTERN.fullmatch(name)
    assert name.startswith(human_loop_prefix(batch))
    assert name == human_loop_name(batch, item_id)


PLACE = st.tuples(TEXT, TEXT, TEXT, st.integers(-1, 50), st.integers(1, 5))


@given(PLACE, PLACE)
def test_different_batches_have_different_ids(one: tuple, other: tuple) -> None:
    assume(one != other)
    names = ("dag_id", "run_id", "task_id", "map_index", "round")
    assert batch_id(**dict(zip(names, one, strict=True))) != batch_id(**dict(zip(names, other, strict=True)))


@given(TEXT, TEXT)
def test_different_items_have_different_loops(one: str, other: str) -> None:
    assume(one != other)
    batch = batch_id(dag_id="d", run_id="r", task_id="t")
    assert human_loop_name(batch, one) != human_loop_name(batch, other)


def test_the_names_stay_what_they_are() -> None:
    """A new release must find the loops that an older one started."""
    batch = batch_id(
        dag_id="form_review", run_id="manual__2026-01-01", task_id="start", map_index=-1, round=1
    )
    assert batch == "a25f6870831fe251aba002d2"
    assert human_loop_name(batch, "form-001.png") == f"{batch}-f751ff7d12b2b1f52b9b11ab78ad6626"


@given(RESOURCE_NAME, st.dictionaries(TEXT, st.integers()), st.dictionaries(TEXT, st.integers()))
def test_a_version_follows_the_configuration(name: str, one: dict, other: dict) -> None:
    assert invalid_name(versioned_name(name, one)) is None
    assert (versioned_name(name, one) == versioned_name(name, other)) == (one == other)


def test_bad_names_are_explained() -> None:
    assert "at most 63" in (invalid_name("a" * 64) or "")
    assert "lower-case" in (invalid_name("Forms") or "")
    assert "hyphen at either end" in (invalid_name("forms-") or "")


def test_a_tasks_own_loop_has_a_valid_name_of_its_own() -> None:
    task = {"dag_id": "Dag", "run_id": "manual__1", "task_id": "Start"}
    names = [
        task_human_loop_name(**task),
        task_human_loop_name(**task, map_index=0),
        task_human_loop_name(**task, round=2),
        task_human_loop_name(**{**task, "run_id": "manual__2"}),
    ]
    assert len(set(names)) == 4
    assert [invalid_name(name) for name in names] == [None] * 4
    assert task_human_loop_name(**task, map_index=-1, round=1) == names[0]


def test_a_resource_is_named_by_name_or_arn() -> None:
    arn = "arn:aws:sagemaker:eu-west-1:000000000000:workteam/private-crowd/reviewers"
    assert resource_name(arn) == resource_name("reviewers") == "reviewers"
