"""`python -m simulator`: one exchange on one port until it is told to stop."""

import argparse
import fcntl
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from simulator.app import Config, Credentials, build_venue, create_app
from simulator.server import Server

EXAMPLES = """\
examples:
  python -m simulator
  python -m simulator --port 8901 --seed 11 --data-dir var/simulator --account alice:secret

  curl localhost:8900/api/v3/ticker/price?symbol=BTCUSDT
  curl localhost:8900/api/v5/market/ticker?instId=BTC-USDT
  curl localhost:8900/_sim/price -H 'Content-Type: application/json' -d '{"symbol": "BTCUSDT", "price": "50000"}'
  curl -X DELETE 'localhost:8900/_sim/price?symbol=BTCUSDT'
  curl localhost:8900/_sim/faults -H 'Content-Type: application/json' \\
       -d '{"match": {"method": "POST", "path": "/api/v3/order"}, "fault": "drop_reply", "count": 1}'

environment:
  SIMULATOR_ACCOUNTS       more accounts, key:secret,key:secret
  EXCHANGE_API_KEY, EXCHANGE_API_SECRET, EXCHANGE_API_PASSWORD  one more account, the last its
                           passphrase for OKX; without one, an account's passphrase is its secret
"""


def main(arguments: list[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    data_dir = options.data_dir or Path(tempfile.mkdtemp(prefix="simulator-"))
    try:
        accounts = configured_accounts(options.account, environ)
        lock = locked_folder(data_dir)
    except ValueError as error:
        return _fail(str(error))
    with lock:
        venue = build_venue(Config(data_dir, options.seed, accounts))
        try:
            server = Server(options.host, options.port, create_app(venue))
        except OSError as error:
            return _fail(f"can't listen on {options.host}:{options.port}: {error.strerror}; choose another --port")
        stop = _stop_on_signal()
        venue.engine.run_matching()
        server.run()
        print(f"simulator ready at {server.url} (seed {options.seed}, data in {data_dir})", flush=True)
        stop.wait()
        server.shutdown()
        venue.engine.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A local exchange that speaks Binance's and OKX's spot REST; control it under /_sim/.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=8900, help="0 takes a free one (default %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of all prices (default %(default)s)")
    parser.add_argument("--data-dir", type=Path, help="where orders are kept (default: a new temporary folder)")
    parser.add_argument("--account", action="append", default=[], metavar="KEY:SECRET", help="repeatable")
    return parser


def configured_accounts(given: list[str], environ: Mapping[str, str]) -> dict[str, Credentials]:
    """Those of the command line and the environment, and demo:demo. Raises ValueError on one without ':'."""
    listed = [entry for entry in environ.get("SIMULATOR_ACCOUNTS", "").split(",") if entry.strip()]
    accounts = {"demo": Credentials("demo")}
    key, secret = environ.get("EXCHANGE_API_KEY"), environ.get("EXCHANGE_API_SECRET")
    if key and secret:
        accounts[key] = Credentials(secret, environ.get("EXCHANGE_API_PASSWORD") or None)
    for entry in (*listed, *given):
        key, colon, secret = entry.strip().partition(":")
        if not (key and colon and secret):
            raise ValueError(f"account {key!r}: write it as KEY:SECRET")
        accounts[key] = Credentials(secret)
    return accounts


def locked_folder(data_dir: Path) -> IO[str]:
    """A lock that ends with this process, however it ends: two exchanges on one folder would undo each other."""
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = (data_dir / "simulator.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ValueError(f"another simulator uses {data_dir}; choose another --data-dir") from error
    return lock


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _fail(message: str) -> int:
    print(f"simulator: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
