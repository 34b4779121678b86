"""`python -m tests.support.compose FILE`: checks a Compose file as far as can be done without Docker."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft201909Validator

SCHEMA = Path(__file__).parents[1] / "data" / "compose-spec.json"
# Tags that are known to exist; a typo in one would show only where Docker is.
IMAGES = {"redis:7.4-alpine", "postgres:17-alpine", "bot-orchestrator"}
SECRET_NAME = re.compile(r"(PASSWORD|SECRET|API_KEY|TOKEN)$")


def problems(document: dict[str, Any]) -> list[str]:
    services = document.get("services", {})
    return [*_schema_problems(document), *_reference_problems(document, services), *_secret_problems(services)]


def _schema_problems(document: dict[str, Any]) -> list[str]:
    validator = Draft201909Validator(json.loads(SCHEMA.read_text()))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(document)]


def _reference_problems(document: dict[str, Any], services: dict[str, Any]) -> list[str]:
    found = []
    volumes = document.get("volumes") or {}
    for name, service in services.items():
        image = service.get("image", "")
        if image not in IMAGES:
            found.append(f"{name}: image {image!r} is not among those known to exist")
        found += [
            f"{name}: depends on unknown {other}" for other in service.get("depends_on", {}) if other not in services
        ]
        mounted = [str(volume).split(":", 1)[0] for volume in service.get("volumes", ())]
        found += [
            f"{name}: volume {volume} is not declared"
            for volume in mounted
            if not volume.startswith((".", "/")) and volume not in volumes
        ]
        if "healthcheck" not in service and service.get("restart") != "no":
            found.append(f"{name}: has no health check")
    return found


def _secret_problems(services: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {variable} is written in the file"
        for name, service in services.items()
        for variable, value in (service.get("environment") or {}).items()
        if SECRET_NAME.search(variable) and value and "${" not in str(value)
    ]


def main(path: str) -> int:
    found = problems(yaml.safe_load(Path(path).read_text()))
    print("\n".join(found) or f"{path}: fits the Compose schema", file=sys.stderr if found else sys.stdout)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
