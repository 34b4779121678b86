"""One order through the record (decide, mark_sending, record_report), against one bare committed row.

The lower limit is what psycopg2 needs to insert and commit one row on the same server: three such commits are the
least that three transactions can cost. Both are measured in turns, in one run, so that the ratio means something on a
noisy machine. DATABASE_URL names a migrated database; without it an embedded Postgres is started.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psycopg2
import sqlalchemy as sa

from cli.supervisor.embedded import embedded_servers
from shared.adapters import ledger_sql
from shared.adapters.migrate import upgrade
from shared.domain.bots import Bot, Desired, Subscription
from shared.domain.candles import Timeframe
from shared.domain.events import EventType
from shared.domain.orders import Fill, Order, OrderReport, OrderState, Permit
from shared.domain.planning import Decision, Quote, plan
from shared.domain.risk import Limits
from shared.domain.values import Market, Side

ROUNDS = 15
ORDERS = 20
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
MARKET = Market(
    exchange="binance",
    symbol="BTC/USDT",
    base="BTC",
    quote="USDT",
    lot_step=Decimal("0.00001"),
    price_tick=Decimal("0.01"),
    min_quantity=Decimal("0.00001"),
    min_notional=Decimal(5),
    maker_fee_frac=Decimal("0.001"),
    taker_fee_frac=Decimal("0.001"),
)
LIMITS = Limits(Decimal(100), Decimal("0.02"), Decimal("0.9"), Decimal("0.9"))


@contextmanager
def _database() -> Iterator[str]:
    if url := os.environ.get("DATABASE_URL"):
        upgrade(url)
        yield url
        return
    with tempfile.TemporaryDirectory() as folder, embedded_servers(Path(folder)) as servers:
        upgrade(servers.database_url)
        yield servers.database_url


class Orders:
    """A bot of its own, and buys and sells through the adapter, one after the other."""

    def __init__(self, url: str) -> None:
        self._engine = ledger_sql.engine(url)
        self._journal = ledger_sql.SqlJournal(self._engine)
        bots = ledger_sql.SqlBotStore(self._engine)
        bot_id = f"bench-{uuid4().hex[:8]}"
        bot = Bot(bot_id, "binance", bot_id, "USDT", Decimal(10**9), Desired.RUNNING, EPOCH, EPOCH, EPOCH)
        bots.change(bot_id, lambda _before, _holds: bot, EventType.BOT_STARTED)
        with self._engine.begin() as conn:
            # No venue is there to be held against.
            conn.execute(sa.text("UPDATE reconciliations SET reconciled_at = clock_timestamp()"))
        self._subscription = bots.add_strategy(
            Subscription(uuid4().hex, bot_id, "RSIStrategy", "BTC/USDT", Timeframe.M1, EPOCH, EPOCH)
        )
        self._count = 0

    def one(self) -> None:
        self._count += 1
        now = datetime.fromtimestamp(EPOCH.timestamp() + 60 * (self._count + 1), tz=UTC)
        side = Side.BUY if self._count % 2 else Side.SELL
        bot_id, opened_ms = self._subscription.bot_id, int(now.timestamp() - 60) * 1000
        decision = Decision(bot_id, 1, self._subscription, opened_ms, side, 1, "bench")
        quote = Quote(MARKET, Decimal(50_000), now)
        order = self._journal.decide(decision, lambda desk: plan(decision, desk, quote, LIMITS)).order
        assert order is not None
        sending = self._journal.mark_sending(order, Permit(opened_ms, opened_ms + 5000), now, LIMITS)
        assert sending is not None
        filled = self._journal.record_report(sending, _report(sending, now), MARKET, now)
        assert filled.state is OrderState.FILLED

    def close(self) -> None:
        self._engine.dispose()


def _report(order: Order, at: datetime) -> OrderReport:
    price = Decimal(50_000)
    fill = Fill(
        order.account,
        order.symbol,
        order.client_order_id,
        order.client_order_id,
        order.side,
        order.quantity,
        price,
        order.quantity * price / 1000,
        "USDT",
        at,
    )
    return OrderReport(order.client_order_id, "1", OrderState.FILLED, order.quantity, price, (fill,))


class Rows:
    """The bare cost of a commit."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg2.connect(url.replace("+psycopg2", ""))
        self._cursor = self._connection.cursor()
        self._cursor.execute(
            "CREATE TABLE IF NOT EXISTS bench_rows (id text PRIMARY KEY, quantity numeric, at timestamptz)"
        )
        self._connection.commit()

    def one(self) -> None:
        row = (uuid4().hex, Decimal("0.1"), EPOCH)
        self._cursor.execute("INSERT INTO bench_rows VALUES (%s, %s, %s)", row)
        self._connection.commit()

    def close(self) -> None:
        self._cursor.execute("DROP TABLE bench_rows")
        self._connection.commit()
        self._connection.close()


def _ms_each(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(ORDERS):
        call()
    return (time.perf_counter() - began) * 1000 / ORDERS


def main() -> None:
    with _database() as url:
        orders, rows = Orders(url), Rows(url)
        orders.one()  # Statements are compiled once.
        orders.one()
        measured = [(_ms_each(orders.one), _ms_each(rows.one)) for _ in range(ROUNDS)]
        orders.close()
        rows.close()
    order_ms, row_ms = (statistics.median(column) for column in zip(*measured, strict=True))
    ratios = sorted(order / row for order, row in measured)
    print(f"   an order through the record: {order_ms:.2f} ms ({1000 / order_ms:.0f}/s), three transactions")
    print(f"   one bare committed row: {row_ms:.2f} ms ({1000 / row_ms:.0f}/s)")
    print(f"   ratio {statistics.median(ratios):.1f} (from {ratios[0]:.1f} to {ratios[-1]:.1f}); 3 is the limit")


if __name__ == "__main__":
    main()
