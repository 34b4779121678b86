"""What the supervisor prints: every process's lines behind its name, notes on progress, one table of URLs."""

import contextlib
import sys
import threading
from typing import TextIO

from rich.console import Console as RichConsole
from rich.table import Table

WIDTH = 10
RESET = "\x1b[0m"
COLOURS = {
    "redis": 31,
    "postgres": 34,
    "simulator": 33,
    "migrate": 90,
    "api": 32,
    "orders": 36,
    "strategy": 35,
    "beat-1": 94,
    "beat-2": 96,
    "flower": 92,
    "standby": 95,
}


class Console:
    """Safe to call from every reader thread. A terminal that has gone away is no reason to stop trading."""

    def __init__(self, out: TextIO = sys.stdout, notes: TextIO = sys.stderr) -> None:
        self._out = RichConsole(file=out)
        self._notes = RichConsole(file=notes)
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        self._print(self._out, prefixed(name, text, self._out.is_terminal and not self._out.no_color))

    def note(self, text: str) -> None:
        self._print(self._notes, text)

    def table(self, rows: dict[str, str], first_call: str) -> None:
        grid = Table(title="Bot Orchestrator is ready", title_justify="left", show_header=False)
        for name, url in rows.items():
            grid.add_row(name, url, style="bold" if name == "API" else None)
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._out.print(grid)
            self._out.print(f"Try:  {first_call}\nStop: Ctrl-C\n", markup=False, highlight=False, soft_wrap=True)

    def _print(self, console: RichConsole, text: str) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):
            console.file.write(text + "\n")
            console.file.flush()


def prefixed(name: str, text: str, is_coloured: bool) -> str:
    head = f"{name:>{WIDTH}} |"
    return f"\x1b[{COLOURS.get(name, 37)}m{head}{RESET} {text}" if is_coloured else f"{head} {text}"
