"""Sensor for single human loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from a2i.compat import (
    AwsBaseSensor,
    PokeReturnValue,
    aws_template_fields,
    conf,
    validate_execute_complete_event,
)
from a2i.failures import explain, is_passing, one_line_failures
from a2i.hooks.a2i import A2IHook
from a2i.human_loop import ENDED, LINKS, Answers, HumanLoopMixin, OnStopped, check_on_stopped
from a2i.mixins import attempts_within
from a2i.triggers.human_loop import A2IHumanLoopCompletedTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class A2IHumanLoopSensor(HumanLoopMixin, AwsBaseSensor[A2IHook]):
    """
    Wait until people have answered one human loop, and return their answers.

    While the service does not answer, the sensor goes on waiting until its ``timeout``. It never stops the loop: that
    is not its own. A loop that someone stopped fails the sensor by default, because answers are missing; where loops
    are stopped on purpose, use ``on_stopped="continue"``.

    :param human_loop_name: name of the human loop. (templated)
    :param on_stopped: what to do about a loop that was stopped: ``fail``, or ``continue`` with the answers that there
        are.
    :param deferrable: Whether to wait in the triggerer.
    :param outage_tolerance: seconds that the answers of a completed loop may take to appear in S3.
    :param poke_interval: seconds between two looks.
    :param timeout: seconds to wait for people; Airflow's default is seven days.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: the answers, a list with ``worker_id``, ``accepted``, ``submitted``, ``seconds`` and ``content`` of each.
    """

    aws_hook_class = A2IHook
    template_fields = aws_template_fields("human_loop_name")
    operator_extra_links = LINKS

    def __init__(
        self,
        *,
        human_loop_name: str,
        on_stopped: OnStopped = "fail",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        outage_tolerance: float = 120.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_on_stopped(on_stopped)
        self.human_loop_name = human_loop_name
        self.on_stopped = on_stopped
        self.deferrable = deferrable
        self.outage_tolerance = outage_tolerance
        self._links_are_stored = False

    @one_line_failures
    def execute(self, context: Context) -> Any:
        """Wait, here or in the triggerer."""
        if not self.deferrable:
            return super().execute(context)
        self.require_aiobotocore()
        loop = self._look(context)
        if loop is not None and loop["HumanLoopStatus"] in ENDED:
            return self.answers(loop)
        return self.wait_for(
            A2IHumanLoopCompletedTrigger,
            human_loop_name=self.human_loop_name,
            waiter_delay=self.poke_interval,
            waiter_max_attempts=attempts_within(self.timeout, self.poke_interval),
        )

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        loop = self._look(context)
        if loop is None or loop["HumanLoopStatus"] not in ENDED:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self.answers(loop))

    @one_line_failures
    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Answers:
        """Return the answers after the wait."""
        return self.finish(self.human_loop_name, validate_execute_complete_event(event))

    def _look(self, context: Context) -> dict[str, Any] | None:
        """Return the loop's description, or None while the service does not answer."""
        try:
            found = self.hook.find_human_loop(self.human_loop_name)
        except Exception as error:
            if not is_passing(error):
                raise
            self.log.warning("%s; the review goes on", explain(error))
            return None
        loop = self.existing(found, self.human_loop_name)
        if not self._links_are_stored:
            self.store_links(context, loop)
            self._links_are_stored = True
        return loop
