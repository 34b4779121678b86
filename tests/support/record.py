"""The record on a real Postgres, driven in the few words that its tests need, and checked from SQL alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from itertools import count
from typing import Any

import sqlalchemy as sa

from shared.adapters import ledger_sql
from shared.adapters.ledger_sql import facts
from shared.domain.bots import Bot, OnStop, PausedBy, Subscription, paused, resumed, stopped
from shared.domain.events import Event, EventType
from shared.domain.orders import Fill, Order, OrderReport, OrderState, Permit, Purpose, client_order_id
from shared.domain.planning import Decision, Desk, plan_exit
from shared.domain.portfolio import Account
from shared.domain.positions import ExitReason, Position
from shared.domain.values import Market, Side
from shared.ports import Outcome
from tests.builders import (
    HOUR,
    NOON,
    a_bot,
    a_decision,
    a_fill,
    a_market,
    a_quote,
    a_subscription,
    an_order,
    ms,
    some_limits,
)

LATER = NOON + timedelta(seconds=1)


@dataclass
class Record:
    """Every store over one database."""

    engine: sa.Engine
    market: Market = field(default_factory=a_market)
    trades: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.bots = ledger_sql.SqlBotStore(self.engine)
        self.journal = self.journal_of(None)
        self.books = ledger_sql.SqlBooks(self.engine)
        self.markets = ledger_sql.SqlMarketStore(self.engine)
        self.outbox = ledger_sql.SqlOutbox(self.engine)
        self.queries = ledger_sql.SqlQueries(self.engine)
        self.reconciliations = ledger_sql.SqlReconciliations(self.engine)

    def start(self, **changes: Any) -> Bot:
        """With its account reconciled, so that its entries go at once."""
        bot = a_bot(**changes)
        started = self.bots.change(bot.id, lambda _before, _holds: bot, EventType.BOT_STARTED)
        self.open_gates()
        return started

    def open_gates(self) -> None:
        open_gates(self.engine)

    def journal_of(self, owner: str | None) -> ledger_sql.SqlJournal:
        """As another worker has it."""
        return ledger_sql.SqlJournal(self.engine, owner=owner)

    def pause(self, bot_id: str = "default") -> Bot:
        return self.bots.change(
            bot_id, lambda bot, _: paused(known(bot), PausedBy.USER, "", LATER), EventType.BOT_PAUSED
        )

    def resume(self, bot_id: str = "default") -> Bot:
        return self.bots.change(bot_id, lambda bot, _: resumed(known(bot), LATER), EventType.BOT_RESUMED)

    def stop(self, on_stop: OnStop = OnStop.KEEP, bot_id: str = "default") -> Bot:
        return self.bots.change(
            bot_id, lambda bot, holds: stopped(known(bot), on_stop, holds, LATER), EventType.BOT_STOPPED
        )

    def subscribe(self, **changes: Any) -> Subscription:
        return self.bots.add_strategy(a_subscription(**changes))

    def enter(self, hours: int = 0, subscription: Subscription | None = None, **order_changes: Any) -> Order:
        """A planned entry, by a decision on the candle that closed `hours` after noon."""
        outcome = self.decide_entry(hours, subscription, **order_changes)
        assert outcome.order is not None, outcome
        return outcome.order

    def decide_entry(self, hours: int = 0, subscription: Subscription | None = None, **changes: Any) -> Outcome:
        decision = a_decision(subscription=subscription or a_subscription())
        decision = replace(decision, candle_open_ms=decision.candle_open_ms + ms(NOON + hours * HOUR) - ms(NOON))
        return self.journal.decide(decision, lambda desk: planned_entry(desk, decision, **changes))

    def exit(self, position: Position, reason: ExitReason = ExitReason.STOP_LOSS) -> Order | None:
        quote = a_quote("100")
        quote = replace(quote, market=self.market)
        return self.journal.plan_exit(position.id, lambda bot, held: plan_exit(bot, held, reason, quote))

    def send(self, order: Order, now: datetime = LATER) -> Order:
        sending = self.journal.mark_sending(order, a_permit(now), now, some_limits())
        assert sending is not None
        return sending

    def trade(self, order: Order, quantity: str, price: str, fee: str = "0", currency: str = "USDT") -> Fill:
        """A new trade of the venue; nothing is recorded yet."""
        number = next(self.trades)
        fill = a_fill(order.side, quantity, price, fee, currency, trade_id=str(number), at=LATER)
        return replace(fill, client_order_id=order.client_order_id)

    def report(self, order: Order, *fills: Fill, state: OrderState = OrderState.FILLED, **changes: Any) -> Order:
        return self.journal.record_report(order, a_report(order, *fills, state=state, **changes), self.market, LATER)

    def bought(self, quantity: str = "1", price: str = "100", hours: int = 0, **changes: Any) -> tuple[Order, Position]:
        """An entry sent and filled at once, and the position it made."""
        order = self.send(self.enter(hours, quantity=Decimal(quantity), **changes))
        order = self.report(order, self.trade(order, quantity, price))
        return order, self.position(str(order.position_id))

    def position(self, position_id: str) -> Position:
        page = self.queries.positions("default", None, 100, None)
        return next(position for position in page.items if position.id == position_id)

    def event_types(self) -> list[str]:
        return self.column("SELECT type FROM outbox ORDER BY id")

    def states_told(self) -> list[str]:
        """By the events of orders that changed."""
        return self.column("SELECT payload->>'state' FROM outbox WHERE type = 'OrderChanged' ORDER BY id")

    def last_payload(self) -> dict[str, Any]:
        return dict(self.value("SELECT payload FROM outbox ORDER BY id DESC LIMIT 1"))

    def write_events(self, *events: Event) -> None:
        with self.engine.begin() as conn:
            facts.append(conn, *events)

    def decision_ids(self) -> list[int]:
        return self.column("SELECT id FROM decisions ORDER BY id")

    def decided_candles(self) -> list[tuple[str, int]]:
        with self.engine.begin() as conn:
            rows = conn.execute(sa.text("SELECT symbol, candle_open_ms FROM decided_candles ORDER BY 1, 2"))
            return [(row.symbol, row.candle_open_ms) for row in rows]

    def plan_again(self, order: Order, reserved: Decimal) -> None:
        """As if it had been planned a moment later than it was."""
        its = "UPDATE orders SET state = 'planned', reserved = :amount WHERE client_order_id = :id RETURNING 1"
        assert self.column(its, id=order.client_order_id, amount=reserved) == [1]

    def end_lease(self, order: Order, ago: timedelta = timedelta(milliseconds=1)) -> None:
        """As seconds later: it ends by the database's clock, which no test can turn, forward or (`ago` < 0) back."""
        its = "UPDATE orders SET lease_until = now() - :ago WHERE client_order_id = :id RETURNING 1"
        assert self.column(its, id=order.client_order_id, ago=ago) == [1]

    def check_rows(self, account: Account) -> None:
        _check_rows(self, account)
        _check_quantities(self, account.bot_id)

    def column(self, statement: str, **parameters: Any) -> list[Any]:
        with self.engine.begin() as conn:
            return list(conn.execute(sa.text(statement), parameters).scalars())

    def value(self, statement: str, **parameters: Any) -> Any:
        (found,) = self.column(statement, **parameters)
        return found


def open_gates(engine: sa.Engine) -> None:
    """As a clean reconciliation of every account would."""
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE reconciliations SET reconciled_at = clock_timestamp()"))


def known(bot: Bot | None) -> Bot:
    assert bot is not None
    return bot


def a_permit(now: datetime = LATER) -> Permit:
    return Permit(signed_at_ms=ms(now), valid_until_ms=ms(now) + 5000)


def planned_entry(desk: Desk, decision: Decision, **changes: Any) -> Order:
    """An order that a plan could have made; by default for one BTC with 110 USDT held back."""
    plain = an_order(
        client_order_id=client_order_id(desk.bot.account, decision.key, Side.BUY),
        bot_id=desk.bot.id,
        strategy_id=desk.subscription.id,
        symbol=desk.subscription.symbol,
        reserved=Decimal(110),
        expires_at=NOON + 100 * HOUR,
        reason="crossed",
    )
    return replace(plain, **changes)


def a_report(order: Order, *fills: Fill, state: OrderState = OrderState.FILLED, **changes: Any) -> OrderReport:
    filled = sum((fill.quantity for fill in fills), Decimal(0))
    plain = OrderReport(order.client_order_id, "venue-1", state, filled, None, fills)
    return replace(plain, **changes)


def check_books(record: Record, bot_id: str = "default", marks: Mapping[str, Decimal] | None = None) -> None:
    """The sums that must agree whatever happened, exactly."""
    holdings = record.queries.holdings(bot_id)
    assert holdings is not None
    account, held = holdings
    with localcontext(prec=80):
        at = {position.symbol: (marks or {}).get(position.symbol, Decimal("123.45")) for position in held}
        value = sum(position.value(at[position.symbol]) for position in held)
        unrealised = sum(position.unrealised(at[position.symbol]) for position in held)
        assert account.initial_balance + account.realised + unrealised - account.fees == account.cash + value
    record.check_rows(account)


def _check_rows(record: Record, account: Account) -> None:
    """What is kept with the bot is what its lines and positions sum to."""
    bot_id = account.bot_id
    assert account.cash == record.value(
        "SELECT coalesce(sum(amount), 0) FROM ledger JOIN bots ON bots.id = bot_id "
        "WHERE bot_id = :bot AND ledger_account = 'assets' AND asset = quote",
        bot=bot_id,
    )
    for name, kept in (("realised", account.realised), ("fees", account.fees)):
        assert kept == record.value(f"SELECT coalesce(sum({name}), 0) FROM positions WHERE bot_id = :bot", bot=bot_id)
    assert (
        record.column("SELECT transaction_id FROM ledger GROUP BY transaction_id, asset HAVING sum(amount) <> 0") == []
    )


def _check_quantities(record: Record, bot_id: str) -> None:
    """What positions hold is what the ledger has in base, and what orders say is what their fills sum to."""
    held = record.value("SELECT coalesce(sum(quantity), 0) FROM positions WHERE bot_id = :bot", bot=bot_id)
    in_base = record.value(
        "SELECT coalesce(sum(amount), 0) FROM ledger "
        "WHERE bot_id = :bot AND ledger_account = 'assets' AND asset = :base",
        bot=bot_id,
        base=record.market.base,
    )
    assert held == in_base
    wrong = (
        "SELECT client_order_id FROM orders o WHERE filled <> "
        "(SELECT coalesce(sum(quantity), 0) FROM fills f WHERE f.client_order_id = o.client_order_id)"
    )
    assert record.column(wrong) == []


def entries_of(record: Record, bot_id: str = "default") -> list[Order]:
    page = record.queries.orders(bot_id, 100, None)
    return [order for order in page.items if order.purpose is Purpose.ENTRY]
