"""Signatures by the venue's own example; which calls a fault and the limit meet."""

from typing import Any

import pytest

from simulator.__main__ import configured_accounts
from simulator.app import Credentials
from simulator.binance.errors import VenueError
from simulator.binance.signing import check_timestamp, signature, signed_payload
from simulator.calls import Limiter
from simulator.faults import Call, Faults, Kind

ORDER = Call("POST", "/api/v3/order", "BTCUSDT", "demo")


def test_a_signature_is_that_of_the_venues_documentation() -> None:
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    payload = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )
    assert signature(secret, payload) == "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("a=1&b=2&signature=f", ""),
        ("", "a=1&b=2&signature=f"),
        ("a=1&signature=f&b=2", ""),
        ("a=1", "&b=2&signature=f"),
    ],
)
def test_the_signature_itself_is_not_signed(query: str, body: str) -> None:
    assert signed_payload(query, body) == "a=1&b=2"


@pytest.mark.parametrize(
    ("ahead_ms", "is_good"), [(999, True), (1_000, False), (0, True), (-5_000, True), (-5_001, False)]
)
def test_the_window_has_exact_ends(ahead_ms: int, is_good: bool) -> None:
    params = {"timestamp": str(1_790_000_000_000 + ahead_ms)}
    if is_good:
        check_timestamp(params, 1_790_000_000_000)
    else:
        with pytest.raises(VenueError, match="-1021"):
            check_timestamp(params, 1_790_000_000_000)


@pytest.mark.parametrize(
    ("match", "is_hit"),
    [
        ({}, True),
        ({"method": "POST", "path": "/api/v3/order", "symbol": "BTCUSDT", "account": "demo"}, True),
        ({"path": "/api/*"}, True),
        ({"method": "GET"}, False),
        ({"path": "/api/v3/orde"}, False),
        ({"symbol": "ETHUSDT"}, False),
        ({"account": "alice"}, False),
    ],
)
def test_a_fault_hits_what_it_matches(match: dict[str, str], is_hit: bool) -> None:
    faults = Faults(1)
    faults.add({"fault": "5xx", "match": match}, 0)
    assert (faults.take(ORDER, 0) is not None) is is_hit


def _hits(request: dict[str, Any], calls: int) -> int:
    faults = Faults(1)
    faults.add({"fault": "delay", **request}, 0)
    return sum(faults.take(ORDER, at_ms) is not None for at_ms in range(calls))


@pytest.mark.parametrize(
    ("request_", "hits"),
    [
        ({}, 1),
        ({"count": 3}, 3),
        ({"count": None}, 10),
        ({"count": 3, "after": 8}, 2),
        ({"count": None, "expires_s": 0.004}, 4),
    ],
)
def test_a_fault_counts_waits_and_expires(request_: dict[str, Any], hits: int) -> None:
    assert _hits(request_, 10) == hits


def test_the_older_of_two_faults_is_used_up_first() -> None:
    faults = Faults(1)
    for fault in ("429", "418"):
        faults.add({"fault": fault}, 0)
    taken = [faults.take(ORDER, 0) for _ in range(3)]
    assert [fault.fault if fault else None for fault in taken] == [Kind.TOO_MANY, Kind.BANNED, None]


def test_the_limit_is_a_moving_window() -> None:
    limiter = Limiter()
    assert limiter.retry_after_s(0) is None
    limiter.set(2, 1.0)
    assert [limiter.retry_after_s(at_ms) for at_ms in (0, 600, 900, 1_000, 1_100)] == [None, None, 0.1, None, 0.5]


def test_accounts_come_from_arguments_and_environment() -> None:
    environ = {"SIMULATOR_ACCOUNTS": "a:1, b:2", "EXCHANGE_API_KEY": "live", "EXCHANGE_API_SECRET": "s"}
    accounts = configured_accounts(["c:3:with-colon"], environ)
    secrets = {"demo": "demo", "live": "s", "a": "1", "b": "2", "c": "3:with-colon"}
    assert accounts == {key: Credentials(secret) for key, secret in secrets.items()}
    with pytest.raises(ValueError, match="KEY:SECRET"):
        configured_accounts(["nocolon"], {})
