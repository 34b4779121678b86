"""The symbols on offer. Ticks and steps are fine enough that one second's move is several ticks."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

LISTED_MS = 1_483_228_800_000  # 2017-01-01: what is asked for before that begins there.


@dataclass(frozen=True, slots=True)
class Symbol:
    """`anchor` is the price that the generated series reverts to; `daily_turnover` is in quote."""

    name: str
    base: str
    quote: str
    anchor: Decimal
    tick: Decimal
    step: Decimal
    min_notional: Decimal = Decimal(5)
    daily_turnover: Decimal = Decimal("2e9")

    @property
    def min_qty(self) -> Decimal:
        return self.step

    @property
    def max_qty(self) -> Decimal:
        return self.step * 10**9

    @property
    def max_market_qty(self) -> Decimal:
        return self.step * 10**8

    def ticks(self, price: Decimal) -> int:
        """`price` on the grid, half up, and never below one tick."""
        return max(1, int((price / self.tick).to_integral_value(ROUND_HALF_UP)))

    def price(self, ticks: int) -> Decimal:
        return ticks * self.tick

    def quantity(self, lots: int) -> Decimal:
        return lots * self.step


def _usdt(base: str, anchor: str, tick: str, step: str) -> Symbol:
    return Symbol(f"{base}USDT", base, "USDT", Decimal(anchor), Decimal(tick), Decimal(step))


def _btc(base: str, anchor: str, tick: str, step: str) -> Symbol:
    turnover, minimum = Decimal(20_000), Decimal("0.0001")
    return Symbol(f"{base}BTC", base, "BTC", Decimal(anchor), Decimal(tick), Decimal(step), minimum, turnover)


_ALL = (
    _usdt("BTC", "60000", "0.01", "0.00001"),
    _usdt("ETH", "3000", "0.01", "0.0001"),
    _usdt("BNB", "550", "0.01", "0.001"),
    _usdt("SOL", "150", "0.01", "0.001"),
    _usdt("XRP", "0.6", "0.0001", "0.1"),
    _usdt("ADA", "0.45", "0.0001", "0.1"),
    _usdt("DOGE", "0.15", "0.00001", "1"),
    _usdt("AVAX", "30", "0.001", "0.01"),
    _usdt("DOT", "6.5", "0.001", "0.01"),
    _usdt("LINK", "14", "0.001", "0.01"),
    _usdt("LTC", "80", "0.01", "0.001"),
    _usdt("TRX", "0.16", "0.00001", "0.1"),
    _usdt("ATOM", "8", "0.001", "0.01"),
    _usdt("UNI", "9", "0.001", "0.01"),
    _usdt("NEAR", "5", "0.001", "0.1"),
    _usdt("APT", "10", "0.001", "0.01"),
    _usdt("FIL", "5.5", "0.001", "0.01"),
    _usdt("ARB", "1.1", "0.0001", "0.1"),
    _btc("ETH", "0.05", "0.00001", "0.0001"),
    _btc("BNB", "0.009", "0.000001", "0.001"),
)

SYMBOLS: dict[str, Symbol] = {symbol.name: symbol for symbol in _ALL}
