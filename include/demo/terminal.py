"""What the person at the terminal sees: phases, one progress line, plain text wherever it is no terminal."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from typing import TextIO

QUIET_SECONDS = 5.0
"""Without a terminal: the least time between two progress lines."""


class Terminal:
    """Lines for a person. Colours and a line that renews itself only on a terminal (and never with NO_COLOR)."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty() and os.environ.get("TERM") != "dumb"
        self._colours = self._live and not os.environ.get("NO_COLOR")
        self._started = time.monotonic()
        self._status = ""
        self._status_time = 0.0
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Time since the beginning."""
        return time.monotonic() - self._started

    def phase(self, name: str) -> None:
        """Begin a phase."""
        self.say(f"{self._stamp()}  {self._paint('1', name)}")

    def note(self, text: str) -> None:
        """Tell something that matters within a phase."""
        self.say("\n".join(f"         {line}" for line in text.splitlines()))

    def problem(self, text: str) -> None:
        """Tell what went wrong."""
        first, _, rest = text.partition("\n")
        self.say(self._paint("1;31", first) + (f"\n{rest}" if rest else ""))

    def say(self, text: str = "") -> None:
        """Print lines; a progress line in the way is cleared first."""
        with self._lock:
            self._clear()
            self._status = ""
            self._out.write(text + "\n")
            self._out.flush()

    def progress(self, text: str) -> None:
        """Show how far things are: renewed in place on a terminal, else a line now and then if it changed."""
        with self._lock:
            if self._live:
                self._clear()
                width = shutil.get_terminal_size((80, 24)).columns
                self._out.write(f"{self._stamp()}  {text}"[: width - 1])
                self._status = text
            elif text != self._status and time.monotonic() - self._status_time >= QUIET_SECONDS:
                self._out.write(f"{self._stamp()}  {text}\n")
                self._status, self._status_time = text, time.monotonic()
            self._out.flush()

    def good(self, text: str) -> str:
        """``text`` in green, where there are colours."""
        return self._paint("32", text)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text

    def _stamp(self) -> str:
        return f"{self.seconds:5.0f} s"

    def _clear(self) -> None:
        if self._live and self._status:
            self._out.write("\r\x1b[2K")
