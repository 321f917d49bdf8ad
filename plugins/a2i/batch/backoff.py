"""How long to wait between two looks at a batch. Pure: numbers in, numbers out."""

from __future__ import annotations

import random
from typing import Final

#: A look comes at most this share of the quiet time after what it finds.
QUIET_SHARE: Final = 1 / 30
_JITTER: Final = 0.1
_LONGEST_OUTAGE_PAUSE: Final = 60.0


def poke_delay(shortest: float, longest: float, quiet: float) -> float:
    """Return the seconds until the next look: ``quiet / 30``, but at least ``shortest`` and at most ``longest``.

    Up to a tenth is taken off by chance, so that batches that were started together are not looked at together.

    :param quiet: seconds in which nothing moved, at most the age of the oldest open human loop.
    """
    interval = min(max(shortest, quiet * QUIET_SHARE), max(shortest, longest))
    return interval * random.uniform(1 - _JITTER, 1)  # noqa: S311


def outage_delay(failures: int, shortest: float) -> float:
    """Return the seconds until the next look after so many looks in a row that the service did not answer."""
    return float(min(2.0 ** min(failures, 12), max(_LONGEST_OUTAGE_PAUSE, shortest)))
