import json
from pathlib import Path

import pytest

from cli.commands.address import default_url, is_loopback, url_from


def test_an_asked_for_port_wins_over_what_a_running_system_recorded(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"api_url": "http://127.0.0.1:8123"}))

    assert url_from({"API_PORT": "9001", "DATA_DIR": str(tmp_path)}) == "http://127.0.0.1:9001"


def test_without_a_port_the_running_system_of_the_data_folder_is_meant(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"api_url": "http://127.0.0.1:8123"}))

    assert url_from({"DATA_DIR": str(tmp_path)}) == "http://127.0.0.1:8123"


@pytest.mark.parametrize("content", ["", "[]", "{}", '"text"', "{broken"])
def test_an_unreadable_record_falls_back_to_the_defaults(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)

    assert url_from({"DATA_DIR": str(tmp_path)}) == "http://127.0.0.1:8000"


def test_a_settings_file_that_is_no_text_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.env").write_bytes(b"API_PORT=80\xff01\n")
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "settings.env"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("API_PORT", raising=False)
    monkeypatch.delenv("API_HOST", raising=False)

    assert default_url() == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("trading.example", "http://trading.example:8000"),
    ],
)
def test_a_host_to_listen_on_becomes_one_to_call(tmp_path: Path, host: str, url: str) -> None:
    assert url_from({"API_HOST": host, "DATA_DIR": str(tmp_path)}) == url


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("x.y", False)]
)
def test_loopback_is_told_from_the_outside(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
