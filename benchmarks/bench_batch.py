"""Batches of human loops: start, wait, memory, and how soon the Dag goes on.

A stub of A2I and S3, a process of its own, answers StartHumanLoop after 50 ms or as fast as it can. Against it run, in
the same run, the batch operator, a sequential boto3 loop, and dynamic task mapping in a real Airflow. How soon the Dag
goes on is measured with that Airflow, Review Desk, and moto's S3 and SQS. Everything runs on 127.0.0.1 and stops by
itself.

``bench_batch.py [PART …]`` measures only some of: start, rate, wait, memory, airflow, resume.

Prints a table and writes ``build/bench-batch.json``.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins"), str(ROOT / "tests")]

from batch_airflow import Airflow, airflow
from support import REGION, STORAGE_KEYS, Portal, ReviewDesk, free_port, wait_until
from wait_calls import scenarios, wait_for

from a2i.naming import batch_id, human_loop_name

REPORT = ROOT / "build" / "bench-batch.json"
PARTS = ("start", "rate", "wait", "memory", "airflow", "resume")
LATENCY = 0.05
ITEMS = 10_000
SEQUENTIAL = 200
MAPPED = 100
RATE = 200
BURST = 10
RATE_ITEMS = 3_000
WARM_UP_SECONDS = 3.0
FEW, MANY = 1_000, 100_000
BATCH_SIZES = (10, 1_000, 10_000)
RESUMES = 5
POKE_INTERVAL = 5
TEMPLATE = "<crowd-form><p>{{ task.input.text }}</p><input name='category'></crowd-form>"


def flow_arn(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:000000000000:flow-definition/{name}"


def connection(key: dict[str, str], review: str, storage: str) -> str:
    """An AWS connection as JSON."""
    addresses = {"s3": storage, "sqs": storage, "sagemaker": review, "sagemaker-a2i-runtime": review}
    return json.dumps(
        {
            "conn_type": "aws",
            "login": key["AccessKeyId"],
            "password": key["SecretAccessKey"],
            "extra": {
                "region_name": REGION,
                "service_config": {name: {"endpoint_url": url} for name, url in addresses.items()},
            },
        }
    )


class StubClient:
    """The stub in its process."""

    key = {"AccessKeyId": "stub", "SecretAccessKey": "stub"}

    def __init__(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "benchmarks" / "a2i_stub.py"), str(port)]
        )
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            self.set(latency=0)
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def set(self, **wanted: Any) -> None:
        """Say how it answers from now on."""
        self._request("POST", "/stub", json.dumps(wanted).encode())

    def counted(self, arn: str) -> dict[str, Any]:
        return dict(json.loads(self._request("GET", f"/stub?flow={arn}")))

    def put_items(self, count: int) -> str:
        """Store so many items as JSON Lines and return their URI."""
        lines = (
            json.dumps({"id": f"item-{number}", "input": {"text": f"{number:0100}"}})
            for number in range(count)
        )
        self._request("PUT", f"/documents/{count}.jsonl", "\n".join(lines).encode())
        return f"s3://documents/{count}.jsonl"

    def _request(self, method: str, target: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.url + target, body, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())


class Bench:
    """One run: the stub, the Airflow once it is needed, and what was measured."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.result: dict[str, Any] = {}
        self.stub = StubClient()
        stack.callback(self.stub.stop)
        home = folder / "task-home"
        home.mkdir()
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW"))}
        self._environment = kept | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_AWS_DEFAULT": connection(self.stub.key, self.stub.url, self.stub.url),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
        }

    @cached_property
    def services(self) -> tuple[str, ReviewDesk, str]:
        """moto's address, a Review Desk on it, and the URL of the queue that gets its events."""
        moto = self._stack.enter_context(moto_server())
        clients = {name: moto_client(name, moto) for name in ("s3", "sqs")}
        clients["s3"].create_bucket(Bucket="answers")
        queue = str(clients["sqs"].create_queue(QueueName="ended")["QueueUrl"])
        directory = self._folder / "review_desk"
        directory.mkdir()
        settings = {"REVIEW_DESK_EVENT_SQS_QUEUE_URL": queue, "AWS_ENDPOINT_URL_SQS": moto}
        desk = ReviewDesk(directory, moto, settings=settings)
        desk.prepare()
        desk.start()
        self._stack.callback(desk.stop)
        return moto, desk, queue

    @cached_property
    def airflow(self) -> Airflow:
        moto, desk, _ = self.services
        connections = {
            "aws_default": connection(self.stub.key, self.stub.url, self.stub.url),
            "review_desk": connection(desk.access_key, desk.url, moto),
        }
        return self._stack.enter_context(airflow(self._folder / "stack", connections))

    def task(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Run a task of a batch in a process of its own."""
        result = self._folder / "result.json"
        command = [sys.executable, str(ROOT / "benchmarks" / "batch_tasks.py"), name]
        done = subprocess.run(
            [*command, json.dumps(arguments), str(result)],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{name} failed:\n{done.stdout[-3000:]}")
        return dict(json.loads(result.read_text()))

    def start(self) -> None:
        """The batch operator and a sequential boto3 loop, both against 50 ms."""
        self.stub.set(latency=LATENCY)
        sequential = self._sequential_rate()
        arn = flow_arn("start")
        started = self.task(
            "start", run_id="start", flow_definition_arn=arn, items=self.stub.put_items(ITEMS)
        )
        self._check_once_each(arn, ITEMS)
        rate = ITEMS / started["seconds"]
        self.result |= {
            "start_speedup": round(rate / sequential, 1),
            "start_seconds": started["seconds"],
            "start_per_second": round(rate, 1),
            "sequential_per_second": round(sequential, 2),
            "sequential_sample": SEQUENTIAL,
        }

    def _sequential_rate(self) -> float:
        client: Any = boto3.client(
            "sagemaker-a2i-runtime",
            endpoint_url=self.stub.url,
            region_name=REGION,
            aws_access_key_id="stub",
            aws_secret_access_key="stub",
        )
        content = json.dumps({"text": f"{0:0100}"})
        began = time.perf_counter()
        for number in range(SEQUENTIAL):
            client.start_human_loop(
                HumanLoopName=f"sequential-{number}",
                FlowDefinitionArn=flow_arn("sequential"),
                HumanLoopInput={"InputContent": content},
            )
        return SEQUENTIAL / (time.perf_counter() - began)

    def _check_once_each(self, arn: str, count: int) -> dict[str, Any]:
        counted = self.stub.counted(arn)
        if (counted["started"], counted["repeated"]) != (count, 0):
            raise RuntimeError(f"{counted['started']} of {count} were started, {counted['repeated']} twice")
        return counted

    def rate(self) -> None:
        """The batch operator against a service that takes 200 a second."""
        arn = flow_arn("rate")
        items = self.stub.put_items(RATE_ITEMS)
        self.stub.set(latency=LATENCY, rate=RATE, burst=BURST)
        started = self.task("start", run_id="rate", flow_definition_arn=arn, items=items)
        self.stub.set(latency=0)
        counted = self._check_once_each(arn, RATE_ITEMS)
        if started["returned"]["failed"]:
            raise RuntimeError(f"{started['returned']['failed']} items failed")
        times = [at for at in counted["times"] if at >= WARM_UP_SECONDS]
        self.result |= {
            "rate_limit_share": round((len(times) - 1) / (times[-1] - times[0]) / RATE, 3),
            "rate_limit_share_with_warm_up": round(
                (RATE_ITEMS - 1) / (counted["times"][-1] - counted["times"][0]) / RATE, 3
            ),
            "rate_limit_per_second": RATE,
            "rate_limit_refusals": counted["throttled"],
        }

    def wait(self) -> None:
        """Requests of the trigger's wait, on a simulated clock."""
        waited = {name: wait_for(ends) for name, ends in scenarios().items()}
        self.result |= {
            "wait_call_share": round(max(found.share for found in waited.values()), 4),
            "wait_calls": {
                name: {
                    "looks": found.looks,
                    "calls": found.calls,
                    "share_of_describe_per_loop_and_poll": round(found.share, 5),
                    "share_of_a_sensor_per_loop": round(found.share_of_open, 5),
                }
                for name, found in waited.items()
            },
        }

    def memory(self) -> None:
        """Peak memory of start, trigger and collect, each a process of its own, with few and with many items."""
        self.stub.set(latency=0)
        peaks = {count: self._peaks(count) for count in (FEW, MANY)}
        growths = {name: round(peaks[MANY][name] - peaks[FEW][name], 1) for name in peaks[FEW]}
        self.result |= {
            "memory_growth_mb": max(growths.values()),
            "memory_growth_mb_by_task": growths,
            "memory_peak_mb": {str(count): found for count, found in peaks.items()},
        }

    def _peaks(self, count: int) -> dict[str, float]:
        arn, run_id = flow_arn(f"memory-{count}"), f"memory-{count}"
        start = self.task("start", run_id=run_id, flow_definition_arn=arn, items=self.stub.put_items(count))
        self._check_once_each(arn, count)
        # Open for one whole sweep, ended from the middle of the second on.
        self.stub.set(flow=arn, ended_after_lists=count // 100 * 3 // 2)
        batch = start["returned"]
        trigger = self.task("trigger", run_id=run_id, batch=batch, poke_interval=1, max_poke_interval=1)
        collect = self.task("collect", run_id=run_id, batch=batch)
        if collect["returned"]["reviewed"] != count:
            raise RuntimeError(f"of {count} items these were collected: {collect['returned']}")
        tasks = {"start": start, "trigger": trigger, "collect": collect}
        self.result.setdefault("memory_seconds", {})[str(count)] = {
            name: found["seconds"] for name, found in tasks.items()
        }
        return {name: found["peak_mb"] for name, found in tasks.items()}

    def in_airflow(self) -> None:
        """Task instances of batches of three sizes, and the rate of dynamic task mapping against 50 ms."""
        self.stub.set(latency=LATENCY)
        self.airflow.begin("bench_mapped", "mapped", flow_definition_arn=flow_arn("mapped"), items=MAPPED)
        self.airflow.finish("bench_mapped", "mapped", 300)
        self._check_once_each(flow_arn("mapped"), MAPPED)
        times = self.airflow.task_times("mapped", "start")
        began = min(time.started or 0 for time in times)
        rate = MAPPED / (max(time.ended or 0 for time in times) - began)
        self.stub.set(latency=0)
        counts = {}
        for size in BATCH_SIZES:
            items, run_id = self.stub.put_items(size), f"batch-{size}"
            arn = flow_arn(run_id)
            self.airflow.begin("bench_batch", run_id, flow_definition_arn=arn, items_uri=items)
            self.airflow.finish("bench_batch", run_id, 300)
            counts[str(size)] = self.airflow.task_instances(run_id)
        self.result |= {
            "task_instances": counts,
            "task_instances_mapped": {str(MAPPED): self.airflow.task_instances("mapped")},
            "mapped_per_second": round(rate, 2),
        }
        if "start_per_second" in self.result:
            self.result["start_speedup_over_mapped"] = round(self.result["start_per_second"] / rate, 1)

    def resume(self) -> None:
        """From the last answer in Review Desk until the next task begins, without and with events."""
        moto, desk, queue = self.services
        arn = desk.create_flow_definition("resume", TEMPLATE)
        polled = [f"polled-{number}" for number in range(RESUMES)]
        for run_id in polled:
            self.airflow.begin("bench_resume", run_id, flow_definition_arn=arn)
        for run_id in polled:
            self.airflow.wait_for_state(run_id, "wait", "deferred")
        portal = desk.portal()
        source = random.Random(7)
        by_poll, by_event = [], []
        for run_id in polled:
            # At any moment between two looks.
            time.sleep(POKE_INTERVAL * source.random())
            by_poll.append(self._resumed(portal, run_id))
        # The events of the others are no business of these.
        moto_client("sqs", moto).purge_queue(QueueUrl=queue)
        for number in range(RESUMES):
            run_id = f"told-{number}"
            self.airflow.begin("bench_resume", run_id, flow_definition_arn=arn, sqs_queue_url=queue)
            self.airflow.wait_for_state(run_id, "wait", "deferred")
            time.sleep(2 + source.random())
            by_event.append(self._resumed(portal, run_id))
        for name, found in (("resume_seconds", by_poll), ("resume_seconds_events", by_event)):
            totals = [sum(parts.values()) for parts in found]
            self.result |= {
                name: round(max(totals), 2),
                f"{name}_median": round(statistics.median(totals), 2),
                f"{name}_parts_median": {
                    part: round(statistics.median(parts[part] for parts in found), 2) for part in found[0]
                },
            }
        self.result["resume_poke_interval"] = POKE_INTERVAL

    def _resumed(self, portal: Portal, run_id: str) -> dict[str, float]:
        """Answer the one loop of a run; return the seconds of each step until the next task begins."""
        batch = batch_id(dag_id="bench_resume", run_id=run_id, task_id="start")
        claimed = portal.claim(human_loop=human_loop_name(batch, "only"))
        claimed.raise_for_status()
        answered = time.time()
        portal.submit(claimed.json(), {"category": "invoice"}).raise_for_status()
        # Nobody asks Airflow for anything while it goes on.
        time.sleep(POKE_INTERVAL + 1)
        self.airflow.finish("bench_resume", run_id, 60)
        [wait], [after] = (self.airflow.task_times(run_id, task) for task in ("wait", "after"))
        steps = {
            "trigger": wait.scheduled,
            "scheduler, sensor queued": wait.queued,
            "worker, sensor ended": wait.ended,
            "scheduler, next task queued": after.queued,
            "worker, next task began": after.started,
        }
        seconds, before = {}, answered
        for step, at in steps.items():
            if at is None:
                raise RuntimeError(f"{run_id}: Airflow has no time of {step}")
            seconds[step], before = at - before, at
        return seconds


@contextmanager
def moto_server() -> Iterator[str]:
    """Serve moto's S3 and SQS from a process of its own; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: lists_buckets(url), 60)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def lists_buckets(url: str) -> bool:
    try:
        moto_client("s3", url).list_buckets()
    except Exception:
        return False
    return True


def moto_client(service: str, url: str) -> Any:
    connect: Any = boto3.client
    return connect(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2),
    )


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    sizes = result.get("task_instances", {})
    mapped = result.get("task_instances_mapped", {})
    rows = (
        ("start, over a sequential loop", "start_speedup", ">= 20"),
        ("  batch operator, starts/s", "start_per_second", f"{ITEMS:,} items, 50 ms"),
        ("  sequential boto3, starts/s", "sequential_per_second", f"rate of {SEQUENTIAL} calls"),
        ("  dynamic task mapping, starts/s", "mapped_per_second", f"rate of {MAPPED} items"),
        ("  batch operator over mapping", "start_speedup_over_mapped", ""),
        ("share of a rate limit", "rate_limit_share", f">= 0.95; after {WARM_UP_SECONDS:g} s"),
        ("  with the warm-up", "rate_limit_share_with_warm_up", f"{RATE_ITEMS:,} items, {RATE}/s"),
        ("calls of the wait, share", "wait_call_share", "<= 0.01; simulated clock"),
        ("memory growth, MiB", "memory_growth_mb", f"<= 50; {MANY:,} items over {FEW:,}"),
        ("resume by poll, most, s", "resume_seconds", f"<= {POKE_INTERVAL + 2}; poll {POKE_INTERVAL} s"),
        ("  median", "resume_seconds_median", f"{RESUMES} runs"),
        ("resume by event, most, s", "resume_seconds_events", "<= 2"),
        ("  median", "resume_seconds_events_median", f"{RESUMES} runs"),
    )
    print()
    for name, key, remark in rows:
        if key in result:
            print(f"{name:<36}{result[key]:>10}   {remark}")
    for kind, counts in (("batch", sizes), ("mapped", mapped)):
        for size, count in counts.items():
            print(f"{f'task instances, {kind}, {int(size):,} items':<36}{count:>10}")


def main() -> None:
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        sys.exit(f"There is no part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}.")
    # Ended from outside, it ends what it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        bench = Bench(Path(name), stack)
        measures = dict(
            zip(
                PARTS,
                (bench.start, bench.rate, bench.wait, bench.memory, bench.in_airflow, bench.resume),
                strict=True,
            )
        )
        for part in PARTS:
            if part in wanted:
                began = time.perf_counter()
                measures[part]()
                print(f"{part}: measured in {time.perf_counter() - began:.0f} s", flush=True)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(bench.result, indent=2) + "\n")
    show(bench.result)
    print(f"\n{REPORT.relative_to(ROOT)} is written.")


if __name__ == "__main__":
    main()
