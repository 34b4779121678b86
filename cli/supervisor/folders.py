"""Folders and secrets under DATA_DIR."""

import os
import secrets
from pathlib import Path

from cli.supervisor.errors import ExitCode, StartError


def make_folder(folder: Path, mode: int = 0o755) -> Path:
    """Made with its parents where missing, and writable. Raises StartError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        probe = folder / f".write-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        why = f"DATA_DIR: can't write in {folder} ({error.strerror}); make it writable or set another DATA_DIR"
        raise StartError(ExitCode.DATA_FOLDER, why) from None
    return folder


def kept_secret(path: Path) -> str:
    """The password in the file `path`, made on the first call; readable by its owner alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = path.read_text().strip()
        if kept:
            return kept
        path.unlink()  # A crash between creation and writing left it empty, so nothing can know it yet.
        return kept_secret(path)
    secret = secrets.token_urlsafe(24)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
    return secret


def write_privately(path: Path, text: str) -> None:
    """Replaces the file in one step; readable by its owner alone."""
    fresh = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
