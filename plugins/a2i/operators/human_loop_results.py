"""Operator for the results of a batch of human loops."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from a2i.batch.collect import BatchCollector
from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.item_outcome import COUNT_NAMES
from a2i.batch.ledger import Ledger
from a2i.batch.pace import Pace
from a2i.batch.parquet import load_pyarrow
from a2i.batch.results import Decision
from a2i.batch.results_run import ResultsRun, Wanted
from a2i.batch.storage import open_store
from a2i.compat import Asset, AssetAlias, AwsBaseOperator, aws_template_fields
from a2i.exceptions import A2IUserError
from a2i.failures import one_line_failures
from a2i.hooks.a2i import A2IHook
from a2i.hooks.s3 import parse_s3_uri
from a2i.links.results import A2IResultsLink
from a2i.mixins import A2ITaskMixin, whole_number
from a2i.normalisers import Normaliser, normaliser_of

if TYPE_CHECKING:
    from airflow.sdk import Context

_MOST_AT_ONCE = 500
_CONSENSUS = ("majority", "dawid_skene", None)
# A task returns little: the measures of more fields are only in S3.
_AGREEMENT_FIELDS = 100


class A2ICollectHumanLoopBatchOperator(A2ITaskMixin, AwsBaseOperator[A2IHook]):
    """
    Collect the answers of a batch as JSON Lines in S3, one row an item in the order of the items.

    A row says what the item's fields are and who decided them, what was predicted and what people answered, and how
    the human loop ended; ``docs/results.md`` has all columns. Memory grows neither with the batch nor with the length
    of the answers.

    Asset outlets get an event with the counts and ``results_uri`` in ``extra``; an ``AssetAlias`` among them gets the
    results as an asset of their own URI.

    :param batch: what A2IStartHumanLoopBatchOperator returned. (templated)
    :param results_uri: ``s3://`` URI for the rows; ``results.jsonl`` beside the ledger by default. (templated)
    :param parquet_uri: ``s3://`` URI for the same rows as Parquet; needs the extra ``parquet``. (templated)
    :param consensus: how several answers to an item become one: ``majority`` decides field by field, and calls a field
        without a majority disputed; ``dawid_skene`` weighs the reviewers by how they err, for closed questions with a
        few labels and some hundred items, and needs room for the rows on the worker's disk; None leaves the answers
        side by side.
    :param fields: the fields that are decided; by default those of an item's prediction, or else those of its
        answers. (templated)
    :param normalisers: by field what its values are compared by: ``text`` (the default), ``number``, ``date``,
        ``date_day_first``, ``date_month_first``, ``labels``, or a function from a value to a text.
    :param include_input: whether the rows have what the human loops were started with, where they have ended.
    :param disputed_uri: ``s3://`` URI for the items with disputed fields, as JSON Lines that
        A2IStartHumanLoopBatchOperator takes as ``items``, to send them to adjudicators. (templated)
    :param adjudicates: ``results_uri`` of a first review, whose disputed items ``batch`` decides: the results are then
        all rows of the first, with these decisions in them. (templated)
    :param results_asset: an asset that collecting updates, beside those in ``outlets``.
    :param max_concurrency: requests that may be under way at once.
    :param outage_tolerance: seconds without an answer from the service or from S3, or without the answers of a
        completed loop there, before the task gives up; at most 10 while S3 has never answered.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: ``results_uri``, ``items``, ``answers``, ``reviewed`` and ``disputed`` items, counts of the items by
        status, ``agreement`` by field (of at most 100 fields) and ``agreement_uri``, except of an adjudication, and
        ``disputed_uri`` and ``parquet_uri`` where they were asked for. Each is an XCom of its own, too:
        ``output["results_uri"]``.
    """

    aws_hook_class = A2IHook
    operator_extra_links = (A2IResultsLink(),)
    template_fields = aws_template_fields(
        "batch", "results_uri", "parquet_uri", "fields", "disputed_uri", "adjudicates"
    )
    template_fields_renderers = {"batch": "json"}

    def __init__(
        self,
        *,
        batch: dict[str, Any] | str,
        results_uri: str | None = None,
        parquet_uri: str | None = None,
        consensus: Literal["majority", "dawid_skene"] | None = "majority",
        fields: Sequence[str] | None = None,
        normalisers: Mapping[str, str | Normaliser] | None = None,
        include_input: bool = False,
        disputed_uri: str | None = None,
        adjudicates: str | None = None,
        results_asset: Asset | AssetAlias | None = None,
        max_concurrency: int = 50,
        outage_tolerance: float = 120.0,
        **kwargs: Any,
    ) -> None:
        if results_asset is not None:
            kwargs["outlets"] = [*_as_list(kwargs.get("outlets")), results_asset]
        # So that `output["results_uri"]` finds its XCom.
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**kwargs)
        if consensus not in _CONSENSUS:
            raise ValueError(f"consensus must be 'majority', 'dawid_skene' or None, got {consensus!r}")
        for field in normalisers or ():
            normaliser_of(field, normalisers)
        self.batch = batch
        self.results_uri = results_uri
        self.parquet_uri = parquet_uri
        self.consensus = consensus
        self.fields = fields
        self.normalisers = normalisers
        self.include_input = include_input
        self.disputed_uri = disputed_uri
        self.adjudicates = adjudicates
        self.results_asset = results_asset
        self.max_concurrency = max_concurrency
        self.outage_tolerance = outage_tolerance

    @one_line_failures
    def execute(self, context: Context) -> dict[str, Any]:
        """Read every answer and write the rows."""
        self.require_aiobotocore()
        whole_number("max_concurrency", self.max_concurrency, 1, _MOST_AT_ONCE)
        batch = HumanLoopBatch.from_value(self.batch)
        wanted = self._wanted(batch)
        if wanted.parquet_uri:
            load_pyarrow()
        A2IResultsLink.store(context, self, self.s3_hook().object_url(wanted.results_uri))
        counts, agreement = asyncio.run(self._collect(batch, wanted))
        self.log.info(
            "Collected %d answers for %d items: %s", counts["answers"], counts["items"], wanted.results_uri
        )
        result: dict[str, Any] = {"results_uri": wanted.results_uri, **counts}
        if not wanted.adjudicates and len(agreement) <= _AGREEMENT_FIELDS:
            result["agreement"] = agreement
        for name in ("agreement_uri", "parquet_uri", "disputed_uri"):
            if (uri := getattr(wanted, name)) is not None:
                result[name] = uri
        self._tell_assets(context, result)
        return result

    def _wanted(self, batch: HumanLoopBatch) -> Wanted:
        """Check the parameters."""
        if isinstance(self.fields, str):
            raise A2IUserError(f"fields must be a list of names, got the text {self.fields[:80]!r}.")
        wanted = Wanted(
            results_uri=self.results_uri or f"{batch.ledger_uri}/results.jsonl",
            decision=Decision(
                votes=self.consensus is not None,
                fields=None if self.fields is None else tuple(self.fields),
                normalisers=self.normalisers,
            ),
            estimates=self.consensus == "dawid_skene",
            parquet_uri=self.parquet_uri,
            disputed_uri=self.disputed_uri,
            adjudicates=self.adjudicates,
            include_input=self.include_input,
        )
        named: dict[str, str] = {}
        for name in ("results_uri", "agreement_uri", "parquet_uri", "disputed_uri", "adjudicates"):
            uri = getattr(wanted, name)
            if uri is None:
                continue
            parse_s3_uri(uri)
            if uri in named:
                raise A2IUserError(f"{name} and {named[uri]} are both {uri}: give each an object of its own.")
            named[uri] = name
        return wanted

    async def _collect(self, batch: HumanLoopBatch, wanted: Wanted) -> tuple[dict[str, int], dict[str, Any]]:
        # Answers are read ahead of the one whose turn it is, which may take a while.
        most_at_once = 2 * self.max_concurrency
        async with (
            open_store(self.s3_hook(), most_at_once, self.outage_tolerance) as store,
            await self.hook.get_batch_conn(self.max_concurrency) as client,
        ):
            collector = BatchCollector(
                client,
                store,
                Pace(self.max_concurrency),
                self.outage_tolerance,
                self.log,
                most_at_once=most_at_once,
                keep_input=wanted.needs_input,
            )
            async with ResultsRun(store, wanted) as results:
                ledger = Ledger(store, batch.ledger_uri)
                await collector.run(ledger, results.take, collector.listed_loops(batch))
                await results.finish()
        names = ["items", "answers", "reviewed", "disputed", *dict.fromkeys(COUNT_NAMES.values())]
        return {name: results.counts[name] for name in names}, results.agreement

    def _tell_assets(self, context: Context, result: dict[str, Any]) -> None:
        for outlet in self.outlets:
            if isinstance(outlet, AssetAlias):
                context["outlet_events"][outlet].add(Asset(result["results_uri"]), extra=result)
            elif isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra = dict(result)


def _as_list(outlets: Any) -> list[Any]:
    if outlets is None:
        return []
    return list(outlets) if isinstance(outlets, list | tuple) else [outlets]
