"""What can go wrong for a caller, each with its exit code and what to do next."""

import json
from collections.abc import Mapping, Sequence
from enum import IntEnum
from http import HTTPStatus
from typing import IO, Any

import click


class ExitCode(IntEnum):
    """Of every command that talks to the API; 2 is click's own for a wrong command line."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NOT_REACHABLE = 3
    UNAVAILABLE = 4
    INTERRUPTED = 130


EXIT_CODES = """\b
Exit codes:
  0  done
  1  refused by the system, which says why
  2  the command line is wrong
  3  the API can't be reached
  4  the API answers, but part of the system is away: try again
"""


AWAY = "`orchestrator health` says what is wrong; the same command works once it is back"


class CommandFailed(click.ClickException):
    """Shown on standard error: what happened, then what to do. With --json, as JSON."""

    exit_code = ExitCode.REFUSED
    as_json = False

    def __init__(self, message: str, hint: str = "", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.details = dict(details or {"message": message, "hint": hint})

    def show(self, file: IO[Any] | None = None) -> None:
        if self.as_json:
            click.echo(json.dumps(self.details), file=file, err=True)
            return
        click.echo(f"{click.style('error', fg='red', bold=True)}  {self.message}", file=file, err=True)
        for line in self.hint.splitlines():
            click.echo(f"{click.style('   do', fg='cyan')}  {line}", file=file, err=True)


class Refused(CommandFailed):
    """A 4xx: the request, or the state it met, has to change."""

    exit_code = ExitCode.REFUSED


class Unavailable(CommandFailed):
    """A 5xx: the API is there, something behind it is not."""

    exit_code = ExitCode.UNAVAILABLE


class NotReachable(CommandFailed):
    """Nobody answers at that address, or not as this API does."""

    exit_code = ExitCode.NOT_REACHABLE


def failure_of(status: int, body: object) -> CommandFailed:
    """The error that an answer of 400 or above stands for."""
    details = dict(body) if isinstance(body, Mapping) else {"code": status, "message": str(body)[:200]}
    message = str(details.get("message") or details.get("status") or f"HTTP {status}")
    lines = [message, *(line for line in _fields(details.get("errors")) if line not in message)]
    kind = Unavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
    return kind("\n       ".join(lines), _hint(status, details), details)


def _hint(status: int, details: Mapping[str, Any]) -> str:
    if hint := details.get("hint"):
        return str(hint)
    return AWAY if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ""


def _fields(errors: object, path: str = "") -> list[str]:
    """`{"json": {"params": {"fast_period": ["too big"]}}}` as lines `params.fast_period: too big`."""
    if isinstance(errors, Mapping):
        return [
            line
            for name, inner in errors.items()
            for line in _fields(inner, path if name in {"json", "query"} else f"{path}.{name}".lstrip("."))
        ]
    if isinstance(errors, Sequence) and not isinstance(errors, str):
        return [line for inner in errors for line in _fields(inner, path)]
    return [] if errors is None else [f"{path}: {errors}" if path else str(errors)]
