"""Simulated reviewers: they answer from the known truth, with a stated share of typing errors.

They show that the way through the portal works and what people's corrections do to the data. They say
nothing about how fast or how well people work.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from include.demo.portal_client import PortalClient, RenderedForm, SignInRefusedError, StoppedError


@dataclass(frozen=True)
class Behaviour:
    """How the simulated reviewers work.

    :ivar error_rate: share (0 to 1) of the fields they mistype.
    :ivar think_seconds: how long they look at a form before they submit.
    :ivar seed: the same seed makes the same reviewer mistype the same fields of the same form.
    :ivar alike: every reviewer mistypes the same fields of a form. For forms that one person looks at: then
        the result does not depend on who was the first to take which.
    """

    error_rate: float
    think_seconds: float
    seed: int
    alike: bool = False


@dataclass
class Tally:
    """What the reviewers did and what stopped them, filled by their threads."""

    submitted: int = 0
    late: int = 0
    problems: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _told: int = 0

    def note(self, problem: str) -> None:
        """Keep a problem once."""
        with self.lock:
            if problem not in self.problems:
                self.problems.append(problem)

    def new_problems(self) -> list[str]:
        """The problems since the last call."""
        with self.lock:
            new, self._told = self.problems[self._told :], len(self.problems)
            return new


class SimulatedReviewers:
    """A thread for each reviewer, from ``start`` to ``stop``.

    :param truth: by file name (the last part of a document's URI), the true value of every field.
    """

    def __init__(
        self,
        portal: str,
        accounts: Mapping[str, str],
        truth: Mapping[str, Mapping[str, str]],
        behaviour: Behaviour,
    ) -> None:
        self.tally = Tally()
        self._portal, self._truth, self._behaviour = portal, truth, behaviour
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(name, password), name=name, daemon=True)
            for name, password in accounts.items()
        ]

    def start(self) -> None:
        """Let them begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let them end; one who waits for an answer from Review Desk is not waited for longer than 3 s."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(3)

    def _work(self, name: str, password: str) -> None:
        client = PortalClient(self._portal, name, password, self._stop)
        try:
            while not self._stop.is_set():
                try:
                    self._review_one(client, name)
                except httpx.HTTPStatusError as error:
                    self.tally.note(f"{name}: {_told(error)}")
                    self._stop.wait(1)
        except (SignInRefusedError, StoppedError) as error:
            if isinstance(error, SignInRefusedError):
                self.tally.note(str(error))
        finally:
            client.close()

    def _review_one(self, client: PortalClient, name: str) -> None:
        claimed = client.claim()
        if isinstance(claimed, float):
            self._stop.wait(claimed)
            return
        try:
            task, form = client.open_form(claimed["id"])
            answer = answer_for(form, self._truth, self._behaviour, name)
        except (ValueError, KeyError) as error:
            self.tally.note(f"{name} gave back {claimed['human_loop']}: {error}")
            client.release(claimed["id"])
            self._stop.wait(5)
            return
        self._stop.wait(self._behaviour.think_seconds)
        accepted = client.submit(task, answer)
        with self.tally.lock:
            self.tally.submitted += accepted
            self.tally.late += not accepted


def answer_for(
    form: RenderedForm, truth: Mapping[str, Mapping[str, str]], behaviour: Behaviour, reviewer: str
) -> dict[str, str]:
    """What a reviewer types into a form: the truth, now and then mistyped. Blank fields are left out.

    :raises ValueError: the document is none of those whose truth is known.
    """
    file_name = form.document.rpartition("/")[2]
    known = truth.get(file_name)
    if known is None:
        raise ValueError(f"its document {form.document} is not one of the demo's forms")
    typist = "anyone" if behaviour.alike else reviewer
    answer = {}
    for name, present in form.values.items():
        value = known.get(name, present)
        chance = random.Random(f"{behaviour.seed}/{typist}/{file_name}/{name}")
        if chance.random() < behaviour.error_rate:
            value = mistyped(value, chance)
        if value:
            answer[name] = value
    return answer


def mistyped(value: str, chance: random.Random) -> str:
    """Swap two neighbouring characters that differ, or leave out one if there are no such."""
    places = [place for place in range(len(value) - 1) if value[place] != value[place + 1]]
    if not places:
        return value[:-1]
    place = chance.choice(places)
    return value[:place] + value[place + 1] + value[place] + value[place + 2 :]


def _told(error: httpx.HTTPStatusError) -> str:
    try:
        return str(error.response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {error.response.status_code} from {error.request.url.path}"
