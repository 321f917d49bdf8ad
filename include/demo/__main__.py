"""``python -m include.demo demo`` and ``python -m include.demo up``; ``make`` calls them."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from include.demo.run import demo, keep_up
from include.demo.settings import DemoError, SettingError, read_settings
from include.demo.terminal import Terminal

COMMANDS = {"demo": demo, "up": keep_up}


def main(arguments: list[str]) -> int:
    """Run a command; returns 0, 1 (it failed), 2 (wrong settings) or 130 (interrupted)."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m include.demo {{{','.join(COMMANDS)}}}", file=sys.stderr)
        return 2
    try:
        settings = read_settings()
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    terminal = Terminal()
    try:
        COMMANDS[arguments[0]](settings, terminal)
    except KeyboardInterrupt:
        terminal.say("Stopped.")
        return 130
    except DemoError as error:
        terminal.problem(str(error))
        return 1
    except (OSError, BotoCoreError, ClientError, httpx.HTTPError) as error:
        terminal.problem(f"The demo broke off: {error} (logs: {settings.build / 'logs'})")
        return 1
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
