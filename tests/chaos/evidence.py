"""What a run left behind, read from SQL, the Redis stream and the venue's own dump: nothing of the product's code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor
from redis import Redis

from tests.chaos.fleet import Fleet

Row = Mapping[str, Any]
STREAM_BATCH = 5000

# All of one moment.
QUERIES = {
    "orders": """SELECT client_order_id, purpose, side, state, filled, attempt, epoch, position_id FROM orders""",
    "fills": """SELECT trade_id, symbol, client_order_id, side, quantity, price, fee, fee_currency FROM fills""",
    "positions": "SELECT id, base, quote, quantity FROM positions",
    "ledger": "SELECT asset, ledger_account, kind, sum(amount) AS amount FROM ledger GROUP BY 1, 2, 3",
    "bots": "SELECT id, version FROM bots",
    "decisions": "SELECT bot_id, run, strategy_id, symbol, timeframe, candle_open_ms FROM decisions",
    "candles": """SELECT symbol, timeframe, candle_open_ms, decided_at FROM decided_candles""",
    "events": """SELECT number, is_sent, type, bot_id, payload, at, at < now() - interval '15 s' AS is_old
        FROM outbox ORDER BY number, id""",
}
# On paper the venue's books are tables of their own.
PAPER = {
    "venue_orders": """SELECT client_order_id AS "clientOrderId", upper(o.side) AS side,
        coalesce(sum(f.quantity), 0) AS "executedQty", extract(epoch FROM placed_at) * 1000 AS "processedTime"
        FROM paper_orders o LEFT JOIN paper_fills f USING (client_order_id) GROUP BY o.client_order_id""",
    "venue_trades": """SELECT trade_id AS id, quantity AS qty, price, fee AS commission FROM paper_fills""",
}
PAPER_BALANCES = """SELECT asset, sum(amount) AS amount FROM paper_orders JOIN paper_fills f USING (client_order_id),
    LATERAL (VALUES
        (base, CASE side WHEN 'buy' THEN 1 ELSE -1 END * f.quantity),
        (paper_orders.quote, CASE side WHEN 'buy' THEN -1 ELSE 1 END * f.quantity * f.price),
        (fee_currency, -fee)) AS moved (asset, amount) GROUP BY 1"""


@dataclass(frozen=True)
class Evidence:
    """Rows as dictionaries. `changed_balances`: per asset, what the account has now less what it began with.

    `silences`: (from, until) in ms of the one clock, in which no entry may reach the venue.
    """

    orders: Sequence[Row] = ()
    fills: Sequence[Row] = ()
    positions: Sequence[Row] = ()
    ledger: Sequence[Row] = ()
    bots: Sequence[Row] = ()
    decisions: Sequence[Row] = ()
    candles: Sequence[Row] = ()
    events: Sequence[Row] = ()
    stream: Sequence[tuple[int, str]] = ()
    venue_orders: Sequence[Row] = ()
    venue_trades: Sequence[Row] = ()
    changed_balances: Mapping[str, Decimal] = field(default_factory=dict)
    calls_ms: Sequence[int] = ()
    budget: tuple[int, int] = (1, 1000)  # Calls in any window of so many ms.
    silences: Sequence[tuple[float, float]] = ()


def gathered(fleet: Fleet, silences: Sequence[tuple[float, float]] = ()) -> Evidence:
    """Of a fleet that is stopped and settled."""
    found: dict[str, Any] = _rows(fleet, QUERIES if fleet.is_live else {**QUERIES, **PAPER, "paper": PAPER_BALANCES})
    if fleet.is_live:
        found |= _venue(fleet)
    else:
        found["changed_balances"] = {row["asset"]: row["amount"] for row in found.pop("paper")}
    settings = fleet.variables
    return Evidence(
        **found,
        stream=_stream(fleet),
        calls_ms=sorted(call["at_ms"] for call in fleet.ask_venue("GET", "calls")["calls"]),
        budget=(int(settings["RATE_LIMIT_CALLS"]), int(settings["RATE_LIMIT_WINDOW_S"]) * 1000),
        silences=silences,
    )


def _rows(fleet: Fleet, queries: Mapping[str, str]) -> dict[str, list[Row]]:
    connection = psycopg2.connect(fleet.database_url, connect_timeout=5)
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    try:
        with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
            found = {}
            for name, query in queries.items():
                cursor.execute(query)
                found[name] = list(cursor.fetchall())
            return found
    finally:
        connection.close()


def _venue(fleet: Fleet) -> dict[str, Any]:
    dump = fleet.ask_venue("GET", "dump")
    key = fleet.variables["EXCHANGE_API_KEY"]
    now, opening = dump["balances"].get(key, {}), dump["opening_balances"].get(key, {})
    return {
        "venue_orders": dump["orders"],
        "venue_trades": dump["trades"],
        "changed_balances": {asset: _held(now.get(asset)) - _number(opening.get(asset)) for asset in {*now, *opening}},
    }


def _held(balance: Mapping[str, str] | None) -> Decimal:
    return _number(balance["free"]) + _number(balance["locked"]) if balance else _number(None)


def _number(text: str | None) -> Decimal:
    return Decimal(text or 0)


def _stream(fleet: Fleet) -> list[tuple[int, str]]:
    """(number, type) of everything that is on it, oldest first."""
    client = Redis.from_url(fleet.system.run().redis_url)
    found: list[tuple[int, str]] = []
    after = "-"
    try:
        while page := client.xrange("events", after, "+", count=STREAM_BATCH):
            found += [(int(entry.decode().partition("-")[0]), fields[b"type"].decode()) for entry, fields in page]
            after = f"({page[-1][0].decode()}"
    finally:
        client.close()
    return found
