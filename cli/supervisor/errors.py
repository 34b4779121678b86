"""Why a start was refused: one line that says what and what to do, and an exit code."""

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    SETTINGS = 2
    PORT_TAKEN = 3
    DATA_FOLDER = 4
    MISSING_BINARY = 5
    NOT_READY = 6
    ALREADY_RUNNING = 7


class StartError(Exception):
    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code
