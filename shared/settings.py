"""Every setting, from the environment and `.env`: validated together, frozen, secrets kept from view."""

import os
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from shared.domain.exchanges import TERMS

ENV_FILE = ".env"
ENV_FILE_VARIABLE = "ENV_FILE"
HUNDRED = Decimal(100)


class SettingsError(Exception):
    """The start is refused. One line for each variable: its name, what was given, what is allowed."""


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


def _has_scheme(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in schemes or not (parts.netloc or parts.scheme == "unix"):
            raise ValueError("not such an address")
        return url.rstrip("/") if parts.scheme.startswith("http") else url

    return AfterValidator(check)


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _allow(text: str) -> dict[str, Any]:
    return {"allowed": text}


Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
Percent = Annotated[Decimal, Field(gt=0, le=100)]
Url = Annotated[str, _has_scheme("http", "https"), Field(json_schema_extra=_allow("http://host:port or https://host"))]
RedisUrl = Annotated[
    str,
    _has_scheme("redis", "rediss", "unix"),
    Field(json_schema_extra=_allow("redis://[:password@]host:port/number")),
]
DatabaseUrl = Annotated[
    str,
    _has_scheme("postgresql", "postgres", "postgresql+psycopg2"),
    Field(json_schema_extra=_allow("postgresql://user:password@host:port/database")),
]


class Settings(BaseSettings):
    """A field's upper-case name is its variable. Percents are as the user wrote them; `*_frac` are the fractions."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)

    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    flower_port: Port = 5555
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()

    simulator: bool = True
    simulator_port: Port = 8900
    simulator_seed: int = Field(default=1, ge=0, le=2**31 - 1)
    exchange_url: Url | None = None

    redis_url: RedisUrl | None = Field(default=None, repr=False)
    database_url: DatabaseUrl | None = Field(default=None, repr=False)
    data_dir: Path = Path("var")

    strategy_interval_s: Seconds = 60
    position_interval_s: Seconds = 10
    portfolio_interval_s: Seconds = 300

    paper_trading: bool = True
    exchange_api_key: SecretStr | None = None
    exchange_api_secret: SecretStr | None = None
    # The passphrase that some exchanges ask for with the two above.
    exchange_api_password: SecretStr | None = None

    max_position_size: Decimal = Field(default=Decimal(1000), gt=0, le=Decimal(10) ** 12)
    risk_per_trade: Decimal = Field(default=Decimal("0.02"), gt=0, le=1)
    max_drawdown_pct: Percent = Decimal(10)
    max_daily_loss_pct: Percent = Decimal(5)
    # 0: exits go to market at once. Stops and flatten always do.
    limit_exit_s: int = Field(default=0, ge=0, le=3600)

    rate_limit_calls: int = Field(default=100, ge=1, le=1_000_000)
    rate_limit_window_s: Seconds = 60
    breaker_failures: int = Field(default=5, ge=1, le=1000)
    breaker_reset_s: Seconds = 60
    retry_attempts: int = Field(default=3, ge=1, le=10)
    retry_initial_s: float = Field(default=1.0, ge=0, le=3600)
    retry_max_s: float = Field(default=60.0, ge=0, le=3600)
    retry_base: float = Field(default=2.0, ge=1, le=10)
    # Beyond 5 s a paused process could wake up and still have its order accepted: the signature is the fence.
    recv_window_ms: int = Field(default=5000, ge=100, le=5000)

    log_level: Annotated[LogLevel, BeforeValidator(_lower)] = LogLevel.INFO
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = LogFormat.CONSOLE

    # Accepted so that a documented .env loads; nothing reads them yet.
    openai_api_key: SecretStr | None = None
    anthropic_api_key: SecretStr | None = None

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `load_settings` reads the environment and names where each value came from; a test hands in its own.
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _simulate_unless_redirected(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"simulator": not given.get("exchange_url"), **given}

    @field_validator("data_dir")
    @classmethod
    def _expand_home(cls, folder: Path) -> Path:
        return folder.expanduser()

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        problems = [*self._port_clashes(), *self._missing_keys()]
        if self.retry_max_s < self.retry_initial_s:
            problems.append(f"RETRY_MAX_S: {self.retry_max_s:g} is below RETRY_INITIAL_S ({self.retry_initial_s:g})")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _port_clashes(self) -> list[str]:
        ports = {"API_PORT": self.api_port, "FLOWER_PORT": self.flower_port}
        if self.simulator:
            ports["SIMULATOR_PORT"] = self.simulator_port
        names = list(ports)
        return [
            f"{second}: {ports[second]} is already {first}; each process needs a port of its own"
            for at, second in enumerate(names)
            for first in names[:at]
            if ports[first] == ports[second]
        ]

    def _missing_keys(self) -> list[str]:
        keys = {"EXCHANGE_API_KEY": self.exchange_api_key, "EXCHANGE_API_SECRET": self.exchange_api_secret}
        missing = [name for name, key in keys.items() if key is None]
        if self.paper_trading or not missing:
            return []
        wanted = " and ".join(missing)
        return [f"PAPER_TRADING: false means live orders, which also need {wanted}; set them, or PAPER_TRADING=true"]

    def lacking(self, exchange: str) -> tuple[str, ...]:
        """The settings without which `exchange` can't be traded in this mode."""
        is_needed = TERMS[exchange].needs_password and not self.paper_trading
        return ("EXCHANGE_API_PASSWORD",) if is_needed and self.exchange_api_password is None else ()

    @property
    def max_drawdown_frac(self) -> Decimal:
        return self.max_drawdown_pct / HUNDRED

    @property
    def max_daily_loss_frac(self) -> Decimal:
        return self.max_daily_loss_pct / HUNDRED

    @property
    def effective_exchange_url(self) -> str | None:
        """Where the exchange client is redirected; None means the exchange's own addresses."""
        if self.exchange_url or not self.simulator:
            return self.exchange_url
        return f"http://127.0.0.1:{self.simulator_port}"

    @property
    def sqlalchemy_url(self) -> str:
        """DATABASE_URL for SQLAlchemy, the driver named: 2.1 takes a bare `postgresql://` for psycopg 3."""
        if self.database_url is None:
            raise SettingsError("DATABASE_URL: not set; `orchestrator up` sets it for the processes that it starts")
        return re.sub(r"^postgres(ql)?(\+psycopg2)?://", "postgresql+psycopg2://", self.database_url)

    def masked(self) -> list[tuple[str, str, str]]:
        """Rows of (variable, printable value, where it came from), no secret in them."""
        return [(name.upper(), _printable(getattr(self, name)), self.origin(name)) for name in type(self).model_fields]

    def environment(self) -> dict[str, str]:
        """The variables that were set, secrets in clear: what a child process must be told."""
        return {name.upper(): _plain(getattr(self, name)) for name in self._origins}

    def origin(self, name: str) -> str:
        return self._origins.get(name, "default")


def _printable(value: object) -> str:
    if isinstance(value, SecretStr):
        return "********"
    return re.sub(r"(://[^/@]*:)[^@]*(@)", r"\1********\2", _plain(value))


def _plain(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """From `env` alone where given, else from the process's environment over the file that ENV_FILE names (`.env`).

    Empty values count as unset. Raises SettingsError.
    """
    sources = {"environment": env} if env is not None else _process_sources()
    given: dict[str, str] = {}
    origins: dict[str, str] = {}
    for origin, variables in sources.items():
        for variable, text in variables.items():
            name = variable.lower()
            if name in Settings.model_fields and text.strip():
                given[name], origins[name] = text.strip(), origin
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # texts, which validation turns into values
    except ValidationError as error:
        raise SettingsError("\n".join(_line(detail, given) for detail in error.errors())) from None
    settings._origins.update(origins)  # type: ignore[attr-defined]
    return settings


def _process_sources() -> dict[str, Mapping[str, str]]:
    path = os.environ.get(ENV_FILE_VARIABLE, ENV_FILE)
    if os.environ.get(ENV_FILE_VARIABLE) and not Path(path).is_file():
        raise SettingsError(f"{ENV_FILE_VARIABLE}: there is no file {path!r}; name one that exists, or unset it")
    try:
        from_file = {name: text for name, text in dotenv_values(path).items() if text} if path else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read as UTF-8 text ({error}); mend it, or remove it") from None
    return {path: from_file, "environment": os.environ}


def _line(detail: ErrorDetails, given: Mapping[str, str]) -> str:
    if not detail["loc"]:
        return str(detail["msg"]).removeprefix("Value error, ")
    name = str(detail["loc"][0])
    shown = "a value (not shown)" if _is_secret(name) else f"{given.get(name, '')!r}"
    return f"{name.upper()}: {shown} is not allowed; allowed: {allowed(name)}"


def _is_secret(name: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[name].annotation) or name in {"redis_url", "database_url"}


def allowed(name: str) -> str:
    """What the field `name` takes, in words."""
    field = Settings.model_fields[name]
    kind = field.annotation
    schema = Settings.model_json_schema(mode="serialization")["properties"][name]
    for part in (schema, *schema.get("anyOf", ())):
        if "allowed" in part:
            return str(part["allowed"])
    if kind is bool:
        return "true or false (also on, off, 1, 0, yes, no)"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return " or ".join(kind)
    bounds = {type(rule).__name__: rule for rule in field.metadata}
    if "Le" not in bounds:
        return "a text"
    number = "a whole number" if kind is int else "a number"
    if "Gt" in bounds:
        return f"{number} above {bounds['Gt'].gt}, at most {bounds['Le'].le}"
    return f"{number} from {bounds['Ge'].ge} to {bounds['Le'].le}"
