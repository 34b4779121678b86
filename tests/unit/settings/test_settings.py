"""Settings: what loads, what is refused and in which words, what is never shown."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from shared.settings import Settings, SettingsError, load_settings

KEYS = {"EXCHANGE_API_KEY": "key-7f3a", "EXCHANGE_API_SECRET": "secret-9b1c"}
EXAMPLE = Path(__file__).parents[3] / ".env.example"


def _refusal(**variables: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(variables)
    return str(caught.value).splitlines()


def test_nothing_set_gives_the_documented_defaults() -> None:
    settings = load_settings({})

    assert (settings.api_host, settings.api_port, settings.flower_port) == ("127.0.0.1", 8000, 5555)
    assert (settings.strategy_interval_s, settings.position_interval_s, settings.portfolio_interval_s) == (60, 10, 300)
    assert (settings.max_position_size, settings.risk_per_trade) == (Decimal(1000), Decimal("0.02"))
    assert (settings.max_drawdown_frac, settings.max_daily_loss_frac) == (Decimal("0.1"), Decimal("0.05"))
    assert settings.paper_trading


def test_an_empty_value_counts_as_unset() -> None:
    assert load_settings({"API_PORT": "  ", "EXCHANGE_URL": "", "REDIS_URL": ""}) == load_settings({})


def test_the_example_file_names_every_setting_with_its_default() -> None:
    text = EXAMPLE.read_text()
    named = set(re.findall(r"^#? ?([A-Z_]+)=", text, re.MULTILINE))

    assert {name.upper() for name in Settings.model_fields} - named == set()
    assert named - {name.upper() for name in Settings.model_fields} == {"POSTGRES_PASSWORD"}
    given_there = {name: value or "" for name, value in dotenv_values(EXAMPLE).items()}
    assert load_settings(given_there).model_dump() == load_settings({}).model_dump()


def test_the_documented_env_file_loads() -> None:
    documented = {
        "EXCHANGE_API_KEY": "your_key",
        "EXCHANGE_API_SECRET": "your_secret",
        "PAPER_TRADING": "true",
        "MAX_POSITION_SIZE": "1000",
        "RISK_PER_TRADE": "0.02",
        "MAX_DRAWDOWN_PCT": "10",
        "MAX_DAILY_LOSS_PCT": "5",
        "OPENAI_API_KEY": "your_key",
        "ANTHROPIC_API_KEY": "your_key",
    }

    assert load_settings(documented).paper_trading


@pytest.mark.parametrize(
    ("name", "bad", "allowed"),
    [
        ("API_PORT", "99999", "a whole number from 1 to 65535"),
        ("API_PORT", "http", "a whole number from 1 to 65535"),
        ("STRATEGY_INTERVAL_S", "0", "a whole number from 1 to 86400"),
        ("RISK_PER_TRADE", "1.5", "a number above 0, at most 1"),
        ("RISK_PER_TRADE", "nan", "a number above 0, at most 1"),
        ("MAX_DRAWDOWN_PCT", "0", "a number above 0, at most 100"),
        ("RETRY_BASE", "inf", "a number from 1 to 10"),
        ("RECV_WINDOW_MS", "5001", "a whole number from 100 to 5000"),
        ("SIMULATOR", "maybe", "true or false (also on, off, 1, 0, yes, no)"),
        ("LOG_FORMAT", "xml", "console or json"),
        ("EXCHANGE_URL", "localhost:8900", "http://host:port or https://host"),
    ],
)
def test_a_bad_value_is_refused_by_name_with_the_allowed_range(name: str, bad: str, allowed: str) -> None:
    assert _refusal(**{name: bad}) == [f"{name}: {bad!r} is not allowed; allowed: {allowed}"]


def test_every_bad_value_gets_its_line() -> None:
    assert [line.split(":")[0] for line in _refusal(API_PORT="x", RETRY_BASE="0")] == ["API_PORT", "RETRY_BASE"]


def test_a_bad_address_with_a_password_in_it_is_not_repeated() -> None:
    (line,) = _refusal(DATABASE_URL="mysql://user:hunter2@host/db")

    assert line == (
        "DATABASE_URL: a value (not shown) is not allowed; allowed: postgresql://user:password@host:port/database"
    )


@pytest.mark.parametrize("missing", [["EXCHANGE_API_KEY"], ["EXCHANGE_API_SECRET"], list(KEYS)])
def test_live_trading_takes_the_switch_and_both_keys(missing: list[str]) -> None:
    given_keys = {name: value for name, value in KEYS.items() if name not in missing}

    (line,) = _refusal(PAPER_TRADING="false", **given_keys)

    assert line.startswith(f"PAPER_TRADING: false means live orders, which also need {' and '.join(missing)};")
    assert not load_settings({"PAPER_TRADING": "false", **KEYS}).paper_trading


def test_two_processes_never_share_a_port() -> None:
    (line,) = _refusal(FLOWER_PORT="8000")

    assert line == "FLOWER_PORT: 8000 is already API_PORT; each process needs a port of its own"


def test_the_simulator_yields_to_an_exchange_url_unless_asked_for() -> None:
    alone, redirected = load_settings({}), load_settings({"EXCHANGE_URL": "http://venue:1/"})
    both = load_settings({"EXCHANGE_URL": "http://venue:1", "SIMULATOR": "on"})
    neither = load_settings({"SIMULATOR": "off"})

    assert (alone.simulator, alone.effective_exchange_url) == (True, "http://127.0.0.1:8900")
    assert (redirected.simulator, redirected.effective_exchange_url) == (False, "http://venue:1")
    assert (both.simulator, both.effective_exchange_url) == (True, "http://venue:1")
    assert neither.effective_exchange_url is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_the_database_driver_is_named(scheme: str) -> None:
    settings = load_settings({"DATABASE_URL": f"{scheme}://u:p@h:5432/d"})

    assert settings.sqlalchemy_url == "postgresql+psycopg2://u:p@h:5432/d"


def test_no_secret_is_printed() -> None:
    secret = {**KEYS, "OPENAI_API_KEY": "sk-41aa", "REDIS_URL": "redis://:pw-71@h:1/0"}
    secret["DATABASE_URL"] = "postgresql://u:pw-88@h/d"
    settings = load_settings(secret)

    shown = repr(settings) + str(settings) + str(settings.masked())

    assert [text for text in ("7f3a", "9b1c", "41aa", "pw-71", "pw-88") if text in shown] == []
    assert ("REDIS_URL", "redis://:********@h:1/0", "environment") in settings.masked()


def test_a_variable_wins_over_the_file_and_each_names_its_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.env").write_text("API_PORT=8001\nFLOWER_PORT=5556\n")
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "settings.env"))
    monkeypatch.setenv("API_PORT", "8002")

    settings = load_settings()

    assert (settings.api_port, settings.origin("api_port")) == (8002, "environment")
    assert (settings.flower_port, settings.origin("flower_port")) == (5556, str(tmp_path / "settings.env"))
    assert settings.origin("simulator_port") == "default"


def test_a_settings_file_that_is_named_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "settings.evn"))

    with pytest.raises(SettingsError, match=r"ENV_FILE: there is no file .*settings\.evn"):
        load_settings()


def test_a_settings_file_that_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.env").write_bytes(b"API_PORT=80\xff01\n")
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "settings.env"))

    with pytest.raises(SettingsError, match="can't be read as UTF-8 text"):
        load_settings()


@given(
    port=st.integers(10_000, 65_535),
    risk=st.decimals("0.0001", "1", places=4),
    is_paper=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)
def test_children_told_by_environment_read_the_same_settings(
    port: int, risk: Decimal, is_paper: bool, seed: int
) -> None:
    variables = {"API_PORT": str(port), "RISK_PER_TRADE": str(risk), "PAPER_TRADING": str(is_paper), **KEYS}
    settings = load_settings({**variables, "SIMULATOR_SEED": str(seed), "CORS_ORIGINS": "http://a,http://b"})

    assert load_settings(settings.environment()) == settings
