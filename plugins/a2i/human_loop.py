"""What the operator and the sensor for single human loops share: how a loop ends, and its answers."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final, Literal

from a2i.answers import AnswersError, HumanLoopOutput, parse_output
from a2i.batch.items import LONGEST_INPUT
from a2i.exceptions import A2IServiceError, A2ITimeoutError, A2IUserError
from a2i.links.flow_definition import A2IFlowDefinitionLink
from a2i.links.human_loop import A2IHumanLoopLink
from a2i.links.results import A2IResultsLink
from a2i.links.review_portal import A2IReviewPortalLink
from a2i.mixins import WaitingMixin, require_no_error, whole_number
from a2i.naming import task_human_loop_name

if TYPE_CHECKING:
    from airflow.sdk import Context

    from a2i.hooks.a2i import A2IHook

OnStopped = Literal["fail", "continue"]
ON_STOPPED: Final[tuple[OnStopped, ...]] = ("fail", "continue")
#: The statuses that do not change any more (A2I API: ``HumanLoopStatus``).
ENDED: Final = frozenset({"Completed", "Failed", "Stopped"})
LINKS: Final = (A2IReviewPortalLink(), A2IHumanLoopLink(), A2IFlowDefinitionLink(), A2IResultsLink())
_ANSWER_PAUSE_SECONDS: Final = 1.0

Answers = list[dict[str, Any]]


class HumanLoopMixin(WaitingMixin):
    """A task that waits for one human loop and returns its answers.

    :ivar on_stopped: what a stopped loop means, ``fail`` or ``continue`` with the answers that there are.
    :ivar outage_tolerance: seconds that the answers of a completed loop may take to appear in S3.
    """

    on_stopped: OnStopped
    outage_tolerance: float

    @property
    def runtime(self) -> A2IHook:
        """The task's own hook."""
        task: Any = self
        return task.hook  # type: ignore[no-any-return]

    def finish(self, human_loop_name: str, event: dict[str, Any]) -> Answers:
        """Return the answers of a loop whose wait has ended.

        The loop is asked for its status again, because an event says that it changed, not to what.

        :raises A2IUserError: if it failed, was stopped (with ``on_stopped="fail"``) or deleted.
        :raises A2ITimeoutError: if it is still open.
        :raises A2IServiceError: if the wait was broken off, or the answers do not appear.
        """
        loop = self.runtime.find_human_loop(human_loop_name)
        if loop is not None and loop["HumanLoopStatus"] not in ENDED:
            require_no_error(event)
            raise A2ITimeoutError(
                f"Human loop {human_loop_name!r} is {loop['HumanLoopStatus']} still: people did not finish in "
                "the time that this task waits for them. The human loop stays as it is."
            )
        return self.answers(self.existing(loop, human_loop_name))

    def existing(self, loop: dict[str, Any] | None, human_loop_name: str) -> dict[str, Any]:
        """Return a loop's description.

        :raises A2IUserError: if there is none.
        """
        if loop is None:
            raise A2IUserError(
                f"There is no human loop {human_loop_name!r} at {self.runtime.place}: it was deleted, or never "
                "started there."
            )
        return loop

    def answers(self, loop: dict[str, Any]) -> Answers:
        """Return the answers of a loop that has ended, each as :class:`a2i.answers.HumanAnswer` has it."""
        name, status = loop["HumanLoopName"], loop["HumanLoopStatus"]
        if status == "Failed":
            code, reason = loop.get("FailureCode", "no code"), loop.get("FailureReason", "no reason given")
            raise A2IUserError(
                f"Human loop {name!r} failed ({code}): {reason.rstrip('.')}. A human loop cannot be started "
                "again: correct the cause and start another."
            )
        if status == "Stopped" and self.on_stopped == "fail":
            raise A2IUserError(
                f"Human loop {name!r} was stopped before people had finished. Use on_stopped='continue' to go on "
                "with the answers that there are, or start another human loop."
            )
        output = self._output(loop)
        return [answer.to_dict() for answer in output.answers] if output else []

    def store_links(self, context: Context, loop: dict[str, Any]) -> None:
        """Store the links to a loop, its flow definition and its answers."""
        name, arn = loop["HumanLoopName"], loop["FlowDefinitionArn"]
        A2IReviewPortalLink.store(context, self, self.runtime.review_url)
        A2IHumanLoopLink.store(context, self, self.runtime.human_loop_url(name, arn))
        A2IFlowDefinitionLink.store(context, self, self.runtime.flow_definition_url(arn))
        if uri := loop.get("HumanLoopOutput", {}).get("OutputS3Uri"):
            A2IResultsLink.store(context, self, self.s3_hook().object_url(uri))

    def _output(self, loop: dict[str, Any]) -> HumanLoopOutput | None:
        """Read the loop's ``output.json``; a completed loop's may appear later than its status."""
        name, uri = loop["HumanLoopName"], loop.get("HumanLoopOutput", {}).get("OutputS3Uri")
        if uri is None:
            return None
        hook, since = self.s3_hook(), time.monotonic()
        while (content := hook.find_bytes(uri)) is None:
            if loop["HumanLoopStatus"] != "Completed":
                return None
            if time.monotonic() - since > self.outage_tolerance:
                raise A2IServiceError(
                    f"Human loop {name!r} is completed, but its answers are not at {uri} yet."
                )
            time.sleep(_ANSWER_PAUSE_SECONDS)
        try:
            return parse_output(content)
        except AnswersError as error:
            raise A2IUserError(
                f"The answers of human loop {name!r} at {uri} cannot be read: {error}."
            ) from None


def check_on_stopped(value: str) -> None:
    """Refuse what ``on_stopped`` cannot be.

    :raises ValueError: if it is no such word.
    """
    if value not in ON_STOPPED:
        raise ValueError(f"on_stopped must be one of {', '.join(ON_STOPPED)}, got {value!r}")


def input_content(value: dict[str, Any] | str) -> str:
    """Return ``InputContent``, the input as JSON text.

    :param value: the input, or JSON text of it.
    :raises A2IUserError: if it is no JSON object, or too long.
    """
    try:
        value = json.loads(value) if isinstance(value, str) else value
        content = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise A2IUserError(f"human_loop_input is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise A2IUserError(f"human_loop_input must be a JSON object, got {content[:80]}.")
    if len(content) > LONGEST_INPUT:
        raise A2IUserError(
            f"human_loop_input has {len(content):,} characters, A2I takes {LONGEST_INPUT:,}: leave documents in S3 "
            "and put their s3:// address here."
        )
    return content


def own_name(context: Context, round_: int | str) -> str:
    """Return the name of the human loop of the running task instance.

    :raises A2IUserError: if the round is no whole number from 1.
    """
    task_instance: Any = context["ti"]
    return task_human_loop_name(
        dag_id=task_instance.dag_id,
        run_id=task_instance.run_id,
        task_id=task_instance.task_id,
        map_index=task_instance.map_index,
        round=whole_number("round", round_, 1, 1_000_000),
    )
