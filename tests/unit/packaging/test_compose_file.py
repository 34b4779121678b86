from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.compose import problems

COMPOSE = Path(__file__).parents[3] / "docker-compose.yml"


@pytest.fixture
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def test_the_compose_file_fits_the_schema(document: dict[str, Any]) -> None:
    assert problems(document) == []


def test_it_names_the_documented_services(document: dict[str, Any]) -> None:
    wanted = {"trading-api", "worker", "beat", "redis", "postgres", "flower", "simulator", "standby"}

    assert wanted <= set(document["services"])
    assert document["services"]["simulator"]["profiles"] == ["demo"]
    assert "--appendonly yes" in document["services"]["redis"]["command"]


def test_a_mistyped_key_is_found(document: dict[str, Any]) -> None:
    document["services"]["worker"]["comand"] = "x"

    assert any("comand" in problem for problem in problems(document))


def test_an_unknown_image_is_found(document: dict[str, Any]) -> None:
    document["services"]["redis"]["image"] = "redis:7.44-alpine"

    assert problems(document) == ["redis: image 'redis:7.44-alpine' is not among those known to exist"]


def test_a_password_in_the_file_is_found(document: dict[str, Any]) -> None:
    document["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"] = "hunter2"

    assert problems(document) == ["postgres: POSTGRES_PASSWORD is written in the file"]
