"""For containers, `python -m worker.healthcheck NAME`: 0 if that worker here has executed a tick in the last minute."""

import socket
import sys

from shared.adapters import ledger_sql
from shared.domain.errors import Unavailable
from shared.domain.liveness import silences
from shared.settings import load_settings

LONGEST_SILENCE_S = 60.0


def main(name: str) -> int:
    liveness = ledger_sql.SqlLiveness(ledger_sql.engine(load_settings().sqlalchemy_url, pool_size=1))
    try:
        silence_s = silences(liveness.ticks()).get(f"{name}@{socket.gethostname()}")
    except Unavailable as error:
        print(f"not known: {error}")
        return 1
    print("no tick was ever executed" if silence_s is None else f"the last tick was executed {silence_s:.0f} s ago")
    return int(silence_s is None or silence_s > LONGEST_SILENCE_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
