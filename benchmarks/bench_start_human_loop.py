"""StartHumanLoop against a no-op ASGI handler, behind the same stock client, in one run.

Prints both rates and their ratio (bar: at least 50 %). Both servers are processes of their own on 127.0.0.1; a few
client processes, as many for each server, send a fixed number of requests and stop.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support import REGION, ReviewDesk, free_port, wait_until

LOOPS_PER_CLIENT = 400
CLIENTS = 2
FIELDS = [{"name": f"field_{number}", "value": "x" * 30, "confidence": 87.5} for number in range(12)]

NO_OP = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"HumanLoopArn": "arn"}'})
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""


def answers(port: int) -> bool:
    """Whether somebody listens on a port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_loops(url: str, access_key: dict[str, str], flow: str, client_number: int) -> int:
    """Start loops one after the other; return how many."""
    client: Any = boto3.client(
        "sagemaker-a2i-runtime",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=access_key["AccessKeyId"],
        aws_secret_access_key=access_key["SecretAccessKey"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    content = json.dumps({"taskObject": "s3://documents/form.png", "fields": FIELDS})
    for number in range(LOOPS_PER_CLIENT):
        client.start_human_loop(
            HumanLoopName=f"client-{client_number}-loop-{number}",
            FlowDefinitionArn=flow,
            HumanLoopInput={"InputContent": content},
        )
    return LOOPS_PER_CLIENT


def rate(url: str, access_key: dict[str, str], flow: str) -> float:
    """Loops started per second by all clients together."""
    with ProcessPoolExecutor(CLIENTS) as pool:
        list(pool.map(abs, range(CLIENTS)))
        began = time.perf_counter()
        started = sum(
            pool.map(start_loops, [url] * CLIENTS, [access_key] * CLIENTS, [flow] * CLIENTS, range(CLIENTS))
        )
        return started / (time.perf_counter() - began)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = ReviewDesk(Path(folder), "http://127.0.0.1:1")
        desk.prepare()
        desk.start()
        port = free_port()
        no_op = subprocess.Popen([sys.executable, "-c", NO_OP, str(port)])
        try:
            flow = desk.create_flow_definition(
                "benchmark", "<crowd-form>{{ task.input.taskObject }}</crowd-form>"
            )
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(port))
            baseline = rate(url, desk.access_key, flow)
            measured = rate(desk.url, desk.access_key, flow)
        finally:
            no_op.terminate()
            no_op.wait(10)
            desk.stop()
    print(f"no-op ASGI handler  {baseline:8.1f} requests/s")
    print(f"StartHumanLoop      {measured:8.1f} requests/s")
    print(f"ratio               {measured / baseline:8.1%}   (bar: at least 50 %)")


if __name__ == "__main__":
    main()
