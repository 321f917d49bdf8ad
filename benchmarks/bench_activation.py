"""Activation conditions: 100,000 predictions against five checks, and the choice of the 1,000 least sure.

The time is processor time of this process. It is set against reading the same predictions as JSON, which whoever
evaluates them has to do first.

Prints a table and writes ``build/bench-activation.json``.
"""

from __future__ import annotations

import json
import random
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "plugins"))

from a2i.activation import least_sure, parse_conditions

ITEMS = 100_000
MOST = 1_000
FIELDS = ("name", "street", "city", "date", "total")


def check(field: str, below: float) -> dict[str, Any]:
    parameters = {"Path": f"$.{field}.confidence", "ConfidenceLessThan": below}
    return {"ConditionType": "ConfidenceCheck", "ConditionParameters": parameters}


def prediction(source: random.Random) -> str:
    """One line as a model writes it; each field is unsure once in twenty."""
    confidences = [
        source.uniform(40, 90) if source.random() < 0.05 else source.uniform(90, 100) for _ in FIELDS
    ]
    return json.dumps(
        {
            name: {"value": "x" * 12, "confidence": value}
            for name, value in zip(FIELDS, confidences, strict=True)
        }
    )


def main() -> None:
    source = random.Random(7)
    lines = [prediction(source) for _ in range(ITEMS)]
    conditions = parse_conditions({"Conditions": [check(field, 90) for field in FIELDS]})

    began = time.process_time()
    for line in lines:
        json.loads(line)
    reading = time.process_time() - began

    began = time.process_time()
    chosen = least_sure(
        ((str(index), conditions.evaluate(json.loads(line), str(index))) for index, line in enumerate(lines)),
        MOST,
    )
    evaluating = time.process_time() - began - reading

    tracemalloc.start()
    least_sure(
        (
            (str(index), conditions.evaluate(json.loads(line), str(index)))
            for index, line in enumerate(lines[:20_000])
        ),
        MOST,
    )
    peak = tracemalloc.get_traced_memory()[1] / 2**20

    numbers = {
        "items": ITEMS,
        "checks": len(FIELDS),
        "chosen": len(chosen),
        "json_seconds": round(reading, 2),
        "evaluate_seconds": round(evaluating, 2),
        "evaluate_ratio": round(evaluating / reading, 1),
        "peak_mb": round(peak, 1),
    }
    for name, value in numbers.items():
        print(f"{name:<18} {value}")
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "bench-activation.json").write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    main()
