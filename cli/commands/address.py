"""Where the API is.

Read from three variables rather than by `shared.settings`: a client must answer at once (validating everything costs
half a second), and a bad value that concerns only the servers is no reason to refuse a look at their status.
"""

import json
import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from dotenv import dotenv_values

DEFAULTS = {"API_HOST": "127.0.0.1", "API_PORT": "8000", "DATA_DIR": "var"}


def default_url() -> str:
    return url_from(_environment())


def url_from(environment: Mapping[str, str]) -> str:
    """The API of the system that this environment describes.

    A port that was asked for wins; else the one that the running system wrote down in its data folder.
    """
    if "API_PORT" not in environment and (recorded := _recorded_url(_value(environment, "DATA_DIR"))):
        return recorded
    return f"http://{_reachable(_value(environment, 'API_HOST'))}:{_value(environment, 'API_PORT')}"


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _environment() -> dict[str, str]:
    return {**_from_file(), **{name: text for name, text in os.environ.items() if text.strip()}}


def _from_file() -> dict[str, str]:
    """Nothing of a file that can't be read: what starts the servers says so, a client goes on without."""
    path = os.environ.get("ENV_FILE", ".env")
    try:
        return {name: text for name, text in dotenv_values(path).items() if text} if path else {}
    except (OSError, UnicodeDecodeError):
        return {}


def _value(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, DEFAULTS[name]).strip()


def _recorded_url(data_dir: str) -> str | None:
    try:
        recorded = json.loads((Path(data_dir).expanduser() / "run.json").read_text())
        return str(recorded["api_url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _reachable(host: str) -> str:
    """A wildcard is an address to listen on, not one to call."""
    if host in {"0.0.0.0", "::", "*"}:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
