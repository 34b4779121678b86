"""Values with defaults: a test names only what it is about.

`market()` of `tests.fakes_exchange` is the venue's; the one here has steps coarse enough to reckon with in the head.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.domain.bots import Bot, Desired, MarketKey, Params, RosterEntry, Subscription
from shared.domain.candles import Candles, Timeframe
from shared.domain.orders import Fill, Order, OrderState, Purpose
from shared.domain.planning import Decision, Desk, Quote
from shared.domain.portfolio import Account
from shared.domain.positions import Position, PositionState
from shared.domain.risk import Limits
from shared.domain.values import ZERO, Market, OrderType, Side, Ticker

# A Monday, 12:00 UTC, and on the grid of every timeframe up to 12h.
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MS = timedelta(milliseconds=1)


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def a_market(**changes: Any) -> Market:
    plain = Market(
        exchange="binance",
        symbol="BTC/USDT",
        base="BTC",
        quote="USDT",
        lot_step=Decimal("0.001"),
        price_tick=Decimal("0.01"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(5),
        maker_fee_frac=Decimal("0.001"),
        taker_fee_frac=Decimal("0.001"),
    )
    return replace(plain, **changes)


def a_bot(**changes: Any) -> Bot:
    plain = Bot(
        id="default",
        exchange="binance",
        account="paper",
        quote="USDT",
        initial_balance=Decimal(10_000),
        desired=Desired.RUNNING,
        trades_from=NOON - 24 * HOUR,
        created_at=NOON - 24 * HOUR,
        updated_at=NOON - 24 * HOUR,
    )
    return replace(plain, **changes)


def a_subscription(params: Params | None = None, **changes: Any) -> Subscription:
    plain = Subscription(
        id="s1",
        bot_id="default",
        name="MACrossoverStrategy",
        symbol="BTC/USDT",
        timeframe=Timeframe.H1,
        active_from=NOON - 24 * HOUR,
        created_at=NOON - 24 * HOUR,
        params=params or {},
        group="g1",
    )
    return replace(plain, **changes)


def a_grid(levels: int = 10, **params: Any) -> Subscription:
    return a_subscription({"grid_levels": levels, **params}, name="GridTradingStrategy")


def a_position(**changes: Any) -> Position:
    """One BTC bought at 100."""
    plain = Position(
        id="p1",
        bot_id="default",
        strategy_id="s1",
        exchange="binance",
        symbol="BTC/USDT",
        base="BTC",
        quote="USDT",
        state=PositionState.OPEN,
        opened_at=NOON - HOUR,
        quantity=Decimal(1),
        lots=1,
        cost=Decimal(100),
        high_water=Decimal(100),
    )
    return replace(plain, **changes)


def no_position(**changes: Any) -> Position:
    """As an entry's first fill finds it: nothing held yet."""
    return a_position(quantity=ZERO, lots=0, cost=ZERO, high_water=None, **changes)


def an_order(**changes: Any) -> Order:
    plain = Order(
        client_order_id="b" + "2" * 25,
        bot_id="default",
        exchange="binance",
        account="paper",
        strategy_id="s1",
        symbol="BTC/USDT",
        side=Side.BUY,
        type=OrderType.MARKET,
        purpose=Purpose.ENTRY,
        quantity=Decimal(1),
        state=OrderState.PLANNED,
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(plain, **changes)


def an_exit(**changes: Any) -> Order:
    plain = an_order(side=Side.SELL, purpose=Purpose.EXIT, position_id="p1", position_version=0)
    return replace(plain, **changes)


def a_fill(side: Side, quantity: str, price: str, fee: str = "0", fee_currency: str = "USDT", **changes: Any) -> Fill:
    plain = Fill(
        account="paper",
        symbol="BTC/USDT",
        trade_id="1",
        client_order_id="b" + "2" * 25,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(fee),
        fee_currency=fee_currency,
        at=NOON,
    )
    return replace(plain, **changes)


def a_buy(quantity: str, price: str, fee: str = "0", fee_currency: str = "USDT", **changes: Any) -> Fill:
    return a_fill(Side.BUY, quantity, price, fee, fee_currency, **changes)


def a_sell(quantity: str, price: str, fee: str = "0", fee_currency: str = "USDT", **changes: Any) -> Fill:
    return a_fill(Side.SELL, quantity, price, fee, fee_currency, **changes)


def an_account(**changes: Any) -> Account:
    """10,000 USDT, untouched: no limit is near, and peak and day's start are today's."""
    whole = Decimal(10_000)
    plain = Account(
        bot_id="default",
        initial_balance=whole,
        cash=whole,
        reserved=ZERO,
        realised=ZERO,
        fees=ZERO,
        peak_equity=whole,
        day=date(2026, 1, 5),
        day_start_equity=whole,
        equity=whole,
    )
    return replace(plain, **changes)


def some_limits(**changes: Any) -> Limits:
    """The defaults that a user gets."""
    plain = Limits(
        max_position_size=Decimal(1000),
        risk_frac=Decimal("0.02"),
        max_drawdown_frac=Decimal("0.10"),
        max_daily_loss_frac=Decimal("0.05"),
    )
    return replace(plain, **changes)


def a_desk(**changes: Any) -> Desk:
    plain = Desk(bot=a_bot(), subscription=a_subscription(), account=an_account(), position=None)
    return replace(plain, **changes)


def a_quote(price: str = "100", now: datetime = NOON, **market_changes: Any) -> Quote:
    return Quote(a_market(**market_changes), Decimal(price), now)


def a_decision(side: Side = Side.BUY, **changes: Any) -> Decision:
    """On the candle that closed at noon."""
    subscription = changes.pop("subscription", a_subscription())
    plain = Decision(
        bot_id="default",
        run=1,
        subscription=subscription,
        candle_open_ms=ms(NOON) - subscription.timeframe.ms,
        side=side,
        lots=1,
        reason="crossed",
    )
    return replace(plain, **changes)


def a_ticker(price: str, symbol: str = "BTC/USDT") -> Ticker:
    last = Decimal(price)
    return Ticker(symbol, bid=last, ask=last, last=last, at_ms=ms(NOON))


def a_market_key(symbol: str = "BTC/USDT", timeframe: Timeframe = Timeframe.H1) -> MarketKey:
    return MarketKey("binance", symbol, timeframe)


def a_roster_entry(market: MarketKey | None = None, run: int = 1, **changes: Any) -> RosterEntry:
    market = market or a_market_key()
    subscription = a_subscription(symbol=market.symbol, timeframe=market.timeframe, **changes)
    return RosterEntry(market, run, subscription)


def some_candles(timeframe: Timeframe, *opens_ms: int) -> Candles:
    """Flat candles at 1.0, at these open times."""
    return Candles.from_rows(timeframe, [(at, 1.0, 1.0, 1.0, 1.0, 1.0) for at in opens_ms])
