"""What OKX's dialect decides by time, where a test can't wait for it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from simulator.accounts import at_okx
from simulator.app import Config, build_venue, create_app
from simulator.engine import now_ms
from simulator.okx.signing import signature
from simulator.orders import NewOrder, OrderType, Side, TimeInForce
from simulator.symbols import SYMBOLS


def test_what_was_cancelled_without_a_fill_is_forgotten_after_two_hours(tmp_path: Path) -> None:
    # Given an order that was cancelled long ago, and one just now
    venue = build_venue(Config(tmp_path))
    client = create_app(venue).test_client()
    for name, age_ms in (("old", 2 * 3_600_000 + 1_000), ("new", 0)):
        placed = venue.engine.place(
            at_okx("demo"), _resting(venue.engine.mark(SYMBOLS["BTCUSDT"], now_ms()), name), now_ms()
        )
        cancelled = venue.engine.cancel(at_okx("demo"), placed.order.order_id)
        venue.store.update_order(replace(cancelled, updated_ms=now_ms() - age_ms))
    # When
    codes = {}
    for name in ("old", "new"):
        path = f"/api/v5/trade/order?instId=BTC-USDT&clOrdId={name}"
        timestamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        headers = {
            "OK-ACCESS-KEY": "demo",
            "OK-ACCESS-PASSPHRASE": "demo",
            "OK-ACCESS-TIMESTAMP": timestamp,
            "OK-ACCESS-SIGN": signature("demo", timestamp, "GET", path, ""),
        }
        codes[name] = client.get(path, headers=headers).get_json()["code"]
    # Then
    assert codes == {"old": "51603", "new": "0"}
    venue.engine.stop()


def _resting(mark: Decimal, name: str) -> NewOrder:
    return NewOrder(
        symbol=SYMBOLS["BTCUSDT"],
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        client_order_id=name,
        quantity=Decimal("0.01"),
        quote_quantity=None,
        price=(mark / 2).quantize(Decimal("0.01")),
    )
