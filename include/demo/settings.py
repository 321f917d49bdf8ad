"""What the person at the terminal can set: ports, forms, reviewers. Read from environment variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from include.demo.forms import DEFAULT_COUNT, DEFAULT_SEED, MAX_COUNT

CHECKOUT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
REGION = "us-east-1"
BUCKET = "review-demo"
TEAM = "reviewers"
DAG_ID = "form_review"


class SettingError(ValueError):
    """A variable has a value that cannot be used."""


class DemoError(Exception):
    """The demo cannot go on. The text is for a person: what failed, why, and what to do."""


@dataclass(frozen=True)
class Settings:
    """The demo's settings; the variables' names are those of the attributes in capitals."""

    build: Path
    s3_python: Path
    airflow_port: int = 8080
    review_desk_port: int = 8700
    s3_port: int = 4566
    forms: int = DEFAULT_COUNT
    seed: int = DEFAULT_SEED
    threshold: float = 90.0
    reviewers_per_form: int = 1
    reviewers: str = "simulated"
    round: int = 1
    error_rate: float = 0.02
    think_seconds: float = 2.0
    start_timeout: float = 180.0

    @property
    def airflow_url(self) -> str:
        """Where Airflow's API server and web pages are."""
        return f"http://{HOST}:{self.airflow_port}"

    @property
    def review_desk_url(self) -> str:
        """Where Review Desk's API is; its portal is below it."""
        return f"http://{HOST}:{self.review_desk_port}"

    @property
    def portal_url(self) -> str:
        """Where reviewers sign in."""
        return f"{self.review_desk_url}/portal/"

    @property
    def s3_url(self) -> str:
        """Where the local S3 is."""
        return f"http://{HOST}:{self.s3_port}"


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; an empty variable counts as not set.

    :raises SettingError: a value is no number, out of its range or not among the choices.
    """
    reader = _Reader(environ)
    settings = Settings(
        build=Path(reader.text("BUILD", str(CHECKOUT / "build"))).resolve(),
        s3_python=Path(reader.text("S3_PYTHON", str(CHECKOUT / ".tools" / "s3" / "bin" / "python"))),
        airflow_port=int(reader.number("AIRFLOW_PORT", 8080, 1, 65535)),
        review_desk_port=int(reader.number("REVIEW_DESK_PORT", 8700, 1, 65535)),
        s3_port=int(reader.number("S3_PORT", 4566, 1, 65535)),
        forms=int(reader.number("FORMS", DEFAULT_COUNT, 1, MAX_COUNT)),
        seed=int(reader.number("SEED", DEFAULT_SEED, 0, 2**31 - 1)),
        threshold=reader.number("THRESHOLD", 90, 0, 100, whole=False),
        reviewers_per_form=int(reader.number("REVIEWERS_PER_FORM", 1, 1, 3)),
        reviewers=reader.choice("REVIEWERS", ("simulated", "me")),
        round=int(reader.number("ROUND", 1, 1, 9999)),
        error_rate=reader.number("ERROR_RATE", 0.02, 0, 1, whole=False),
        think_seconds=reader.number("THINK_SECONDS", 2, 0, 60, whole=False),
        start_timeout=reader.number("START_TIMEOUT", 180, 5, 3600, whole=False),
    )
    ports = {
        "AIRFLOW_PORT": settings.airflow_port,
        "REVIEW_DESK_PORT": settings.review_desk_port,
        "S3_PORT": settings.s3_port,
    }
    if len(set(ports.values())) < len(ports):
        raise SettingError(f"{', '.join(ports)} must be three different ports")
    return settings


@dataclass(frozen=True)
class _Reader:
    environ: Mapping[str, str]

    def text(self, name: str, default: str) -> str:
        return self.environ.get(name, "").strip() or default

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, choices[0])
        if value not in choices:
            raise SettingError(f"{name}={value}: it can be {' or '.join(choices)}")
        return value

    def number(self, name: str, default: float, least: float, most: float, *, whole: bool = True) -> float:
        text = self.text(name, f"{default:g}")
        kind = "whole number" if whole else "number"
        try:
            value = float(int(text)) if whole else float(text)
        except ValueError:
            raise SettingError(f"{name}={text}: it must be a {kind} from {least:g} to {most:g}") from None
        if not least <= value <= most:
            raise SettingError(f"{name}={text}: it must be a {kind} from {least:g} to {most:g}")
        return value


def script(name: str) -> str:
    """Path of a command installed beside the running Python, such as ``airflow``."""
    return str(Path(sys.executable).parent / name)
