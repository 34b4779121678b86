"""Whose an order of ours is that the record does not know. Pure.

A record restored from a backup is behind its venue. Client ids are hashes of an intent, so the intent is found again by
hashing every one that could have been meant at the order's time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from shared.domain.bots import Bot, Subscription
from shared.domain.orders import Order, OrderState, Purpose, client_order_id
from shared.domain.planning import Decision, levels_of
from shared.domain.positions import Position
from shared.domain.values import OrderType, Side
from shared.domain.venue import VenueOrder

_OURS = re.compile(r"b[a-z2-7]{25}")
REASON = "adopted"

# An entry leaves within a candle of the one it answers; one more on either side, for clocks and slow ways.
CANDLES = 4
# A record that is behind may have missed starts of a bot, and exits that a position has gone through.
RUNS_AHEAD = 5
VERSIONS_AHEAD = 20


@dataclass(frozen=True, slots=True)
class Candidates:
    """Everything on the symbols in question that could have sent an order: removed and closed lately included."""

    strategies: tuple[tuple[Bot, Subscription], ...] = ()
    positions: tuple[tuple[Bot, Position], ...] = ()


@dataclass(frozen=True, slots=True)
class Adoption:
    """The order as the record would have had it, just sent, and the decision of an entry.

    What the venue made of it is not in it: that is reported afterwards, as for any order.
    """

    order: Order
    decision: Decision | None = None


def is_ours(client_id: str) -> bool:
    """Whether it has the form of our ids: `b` and 25 characters of base 32."""
    return _OURS.fullmatch(client_id) is not None


def adoption(found: VenueOrder, among: Candidates) -> Adoption | None:
    """The intent whose id `found` carries; None where no candidate has it."""
    return _entry(found, among) if found.side is Side.BUY else _exit(found, among)


def _entry(found: VenueOrder, among: Candidates) -> Adoption | None:
    for bot, subscription in among.strategies:
        if subscription.symbol != found.symbol:
            continue
        for decision in _decisions(found, bot, subscription):
            if client_order_id(bot.account, decision.key, Side.BUY) == found.client_order_id:
                order = _order(found, bot, subscription.id, Purpose.ENTRY, decision.lots)
                return Adoption(order, decision)
    return None


def _decisions(found: VenueOrder, bot: Bot, subscription: Subscription) -> Iterator[Decision]:
    """On the candles around the order's time, in every run of the bot, the newest first."""
    # What a grid bought in lots can't be read off an order: counted as all its levels, it never buys too much.
    lots, frame = levels_of(subscription), subscription.timeframe.ms
    newest = round(found.at.timestamp() * 1000) // frame * frame
    for open_ms in range(newest, newest - CANDLES * frame, -frame):
        for run in range(bot.run + RUNS_AHEAD, 0, -1):
            yield Decision(bot.id, run, subscription, open_ms, Side.BUY, lots, REASON)


def _exit(found: VenueOrder, among: Candidates) -> Adoption | None:
    for bot, position in among.positions:
        if position.symbol != found.symbol:
            continue
        for version in range(position.version + VERSIONS_AHEAD):
            if client_order_id(bot.account, f"{position.id}|{version}", Side.SELL) == found.client_order_id:
                lots = _lots_left(found, position)
                order = _order(found, bot, position.strategy_id, Purpose.EXIT, lots)
                return Adoption(replace(order, position_id=position.id, position_version=version))
    return None


def _lots_left(found: VenueOrder, position: Position) -> int:
    """The lots that its quantity is nearest to."""
    if position.quantity <= 0:
        return 1
    lots = (Decimal(position.lots) * found.quantity / position.quantity).to_integral_value(ROUND_HALF_UP)
    return max(min(int(lots), position.lots), 1)


def _order(found: VenueOrder, bot: Bot, strategy_id: str, purpose: Purpose, lots: int) -> Order:
    return Order(
        client_order_id=found.client_order_id,
        bot_id=bot.id,
        exchange=bot.exchange,
        account=bot.account,
        strategy_id=strategy_id,
        symbol=found.symbol,
        side=found.side,
        type=OrderType.MARKET if found.type == OrderType.MARKET else OrderType.LIMIT,
        purpose=purpose,
        quantity=found.quantity,
        # Unfenced: its signature is long past, so whoever comes first looks it up.
        state=OrderState.SENDING,
        created_at=found.at,
        updated_at=found.at,
        price=found.price,
        lots=lots,
        reason=REASON,
        exchange_order_id=found.exchange_order_id,
        attempt=1,
    )
