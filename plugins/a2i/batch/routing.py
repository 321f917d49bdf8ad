"""Which items of a batch people have to see, by its activation conditions. Items that need nobody stay in the batch."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from a2i.activation import ActivationConditions, ActivationDataError, Evaluation, least_sure
from a2i.batch.items import BadItem, Item

_CHOSEN_FROM_AT_ONCE: Final = 1_000


def evaluate(item: Item, conditions: ActivationConditions) -> Evaluation:
    """Evaluate the conditions on ``{"input": …, "prediction": …}``, without what the item does not have.

    :raises ActivationDataError: names the item, the place and the rule.
    """
    data: dict[str, Any] = {"input": json.loads(item.content)}
    if item.prediction is not None:
        data["prediction"] = json.loads(item.prediction)
    return conditions.evaluate(data, item.id)


async def routed(
    items: AsyncIterator[Item | BadItem], conditions: ActivationConditions, chosen: set[str] | None = None
) -> AsyncIterator[Item | BadItem]:
    """Yield the items, those that need nobody marked so, and each with its reasons.

    :param chosen: ids of the activated items that people shall see; None for all of them.
    """
    async for item in items:
        if isinstance(item, BadItem):
            yield item
            continue
        try:
            evaluation = evaluate(item, conditions)
        except ActivationDataError as error:
            yield BadItem(item.where, item.id, str(error))
            continue
        reasons = evaluation.reasons
        if not evaluation.is_activated:
            yield replace(item, needs_people=False, reasons=reasons)
        elif chosen is not None and item.id not in chosen:
            left_out = f"left out: the model is surer of it than of the {len(chosen)} items of max_reviews"
            yield replace(item, needs_people=False, reasons=(*reasons, left_out))
        else:
            yield replace(item, reasons=reasons)


async def choose(
    items: AsyncIterator[Item | BadItem], conditions: ActivationConditions, most: int
) -> tuple[set[str], int]:
    """Choose the items that people shall see where they may see so many only: those the model is least sure of.

    Memory grows with ``most``, not with the batch.

    :return: the ids of the chosen items, and how many items there are.
    """
    kept: dict[str, Evaluation] = {}
    count = 0
    async for item in items:
        count += 1
        if isinstance(item, BadItem):
            continue
        # An item that cannot be evaluated is reported when the items are routed.
        with suppress(ActivationDataError):
            kept[item.id] = replace(evaluate(item, conditions), results={}, selected=())
        if len(kept) >= most + _CHOSEN_FROM_AT_ONCE:
            kept = _least_sure(kept, most)
    return set(_least_sure(kept, most)), count


def _least_sure(evaluations: dict[str, Evaluation], most: int) -> dict[str, Evaluation]:
    chosen = least_sure(evaluations.items(), most)
    return {item_id: evaluation for item_id, evaluation in evaluations.items() if item_id in chosen}
