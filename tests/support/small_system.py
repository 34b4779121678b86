"""A program for tests: the supervisor with its real servers and two small processes in place of the big ones."""

import sys
from collections.abc import Mapping
from pathlib import Path

from cli.supervisor.console import Console
from cli.supervisor.errors import StartError
from cli.supervisor.probes import HttpAnswers
from cli.supervisor.specs import ProcessSpec
from cli.supervisor.stack import Plan
from cli.supervisor.up import run_system
from shared.settings import load_settings

# Starts a child of its own and serves until it is told to stop; the child would live on if nobody cared.
PARENT = """
import http.server, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


def small_processes(plan: Plan, inherited: Mapping[str, str]) -> list[ProcessSpec]:
    environment = plan.environment(inherited)
    port = plan.settings.api_port
    servers = tuple(server.name for server in plan.servers)
    return [
        *plan.servers,
        ProcessSpec(
            name="api",
            command=(sys.executable, "-c", PARENT, str(port)),
            environment=environment,
            folder=str(Path(__file__).parent),
            needs=servers,
            probe=HttpAnswers("127.0.0.1", port, "/"),
        ),
        ProcessSpec(
            name="deaf",
            command=(sys.executable, "-c", STUBBORN),
            environment=environment,
            needs=("api",),
            stop_timeout_s=0.5,
        ),
    ]


if __name__ == "__main__":
    try:
        run_system(load_settings(), Console(), small_processes)
    except StartError as error:
        print(f"orchestrator: {error}", file=sys.stderr)
        sys.exit(error.code)
