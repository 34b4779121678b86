"""The simulator's controls, as a test at the other end of the exchange holds them."""

import json
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Venue:
    url: str

    def pin(self, symbol: str, price: str) -> None:
        """From now on `symbol` (BTCUSDT) trades at `price`, whole candles of it."""
        self._call("POST", "/_sim/price", {"symbol": symbol, "price": price})

    def release(self, symbol: str) -> None:
        self._call("DELETE", f"/_sim/price?symbol={symbol}")

    def fail(self, fault: str, count: int, **more: object) -> None:
        self._call("POST", "/_sim/faults", {"fault": fault, "count": count, **more})

    def heal(self) -> None:
        self._call("DELETE", "/_sim/faults")

    def deposit(self, key: str, asset: str, amount: str) -> None:
        """By hand: no order and no trade tells of it."""
        self._call("POST", "/_sim/deposits", {"key": key, "asset": asset, "amount": amount})

    def dump(self) -> dict[str, Any]:
        """Every order, trade and balance, as the venue knows them."""
        found: dict[str, Any] = self._call("GET", "/_sim/dump")
        return found

    def _call(self, method: str, path: str, body: object = None) -> Any:
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, content, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read() or b"null")
