"""What the items of a batch are read from, and which of them people shall see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from a2i.activation import ActivationConditions, ActivationConditionsError, parse_conditions
from a2i.batch.items import (
    DEFAULT_ITEM_INPUT,
    BadItem,
    Item,
    from_folder,
    from_json_lines,
    from_list,
    unique,
)
from a2i.batch.routing import choose, routed
from a2i.batch.storage import ObjectStore
from a2i.exceptions import A2IUserError
from a2i.hooks.s3 import parse_s3_uri


@dataclass(frozen=True)
class ItemSource:
    """The items of a batch; may be read any number of times.

    :ivar items: a list, the URI of a JSON Lines object, or the URI of a folder, which ends in ``/``.
    :ivar item_input: input of every item of a folder.
    :ivar conditions: which items people have to see; None for all.
    :ivar max_reviews: how many they may see at most; None for any number.
    """

    items: Sequence[Any] | str
    item_input: Any = None
    conditions: ActivationConditions | None = None
    max_reviews: int | None = None

    def check(self, ledger_uri: str) -> None:
        """Check the parameters of the operator, as far as that needs no request.

        :raises A2IUserError: names what is wrong.
        """
        parse_s3_uri(ledger_uri)
        folder = self.items if isinstance(self.items, str) and self.items.endswith("/") else None
        if isinstance(self.items, str):
            parse_s3_uri(self.items)
        elif not isinstance(self.items, Sequence):
            raise A2IUserError(f"items must be a list or an s3:// URI, got {str(self.items)[:80]!r}.")
        if self.item_input is not None and (folder is None or not isinstance(self.item_input, dict)):
            raise A2IUserError(
                "item_input must be a dict, and goes with items that are a folder: an s3:// URI that ends in '/'."
            )
        if folder is not None and f"{ledger_uri.rstrip('/')}/".startswith(folder):
            raise A2IUserError(
                f"ledger_uri {ledger_uri} must not lie in the folder of the items, {folder}: its parts would be items."
            )
        if self.max_reviews is not None and self.conditions is None:
            raise A2IUserError(
                "max_reviews needs activation_conditions: they tell how sure the model is of an item."
            )

    async def routed(self, store: ObjectStore) -> tuple[AsyncIterator[Item | BadItem], int | None]:
        """Return the items, each with the decision about it, and how many they are, where that is known by now."""
        count = None if isinstance(self.items, str) else len(self.items)
        if self.conditions is None:
            return self._read(store), count
        chosen = None
        if self.max_reviews is not None:
            chosen, count = await choose(self._read(store), self.conditions, self.max_reviews)
        return routed(self._read(store), self.conditions, chosen), count

    def _read(self, store: ObjectStore) -> AsyncIterator[Item | BadItem]:
        if not isinstance(self.items, str):
            return unique(from_list(self.items))
        if self.items.endswith("/"):
            return unique(from_folder(store, self.items, self.item_input or DEFAULT_ITEM_INPUT))
        return unique(from_json_lines(store, self.items))


def read_conditions(given: Any, read: Callable[[str], bytes]) -> ActivationConditions | None:
    """Read activation conditions given as data, as JSON text, or as the URI of such text; None for none.

    :param read: returns the content of an object.
    :raises A2IUserError: names the path in the conditions and the rule.
    """
    if given is None:
        return None
    place = "activation_conditions"
    if isinstance(given, str) and given.startswith("s3://"):
        place = f"activation_conditions at {given}"
        given = read(given).decode("utf-8", "replace")
    try:
        return parse_conditions(given)
    except ActivationConditionsError as error:
        raise A2IUserError(f"{place}: {error}") from None
