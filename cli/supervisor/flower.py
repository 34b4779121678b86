"""`make flower`: shows Flower of the system that runs here, starting it only where that system has none."""

import os
import sys
import webbrowser
from urllib.parse import urlsplit

from cli.supervisor.ports import LOOPBACK
from cli.supervisor.probes import HttpAnswers
from cli.supervisor.runfile import read_run
from shared.settings import SettingsError, load_settings


def main() -> int:
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    run = read_run(settings.data_dir)
    alive = run if run and run.is_alive else None
    redis_url = settings.redis_url or (alive and alive.redis_url)
    if not redis_url:
        print("nothing runs here: start the system with `make run`, or set REDIS_URL", file=sys.stderr)
        return 1
    url = (alive and alive.urls.get("Flower")) or f"http://{LOOPBACK}:{settings.flower_port}"
    if HttpAnswers(LOOPBACK, urlsplit(url).port or settings.flower_port, "/healthcheck")():
        print(url)
        webbrowser.open(url)
        return 0
    environment = {**os.environ, "REDIS_URL": redis_url, "FLOWER_UNAUTHENTICATED_API": "true"}
    arguments = [f"--address={LOOPBACK}", f"--port={settings.flower_port}"]
    os.execve(
        sys.executable, [sys.executable, "-m", "celery", "-A", "celery_config", "flower", *arguments], environment
    )


if __name__ == "__main__":
    sys.exit(main())
