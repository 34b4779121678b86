"""Which codes of which venue prove what. What is on no list proves nothing."""

from typing import Any

import pytest

from shared.adapters.exchange_ccxt import binance, okx
from shared.adapters.exchange_ccxt.refusals import Refusal, Rules, cancel_error, read_error, submit_error
from shared.domain.errors import ExchangeError, OrderUnknown, Rejected, Throttled, Unclear

BOTH = pytest.mark.parametrize(("rules", "status"), [(binance.RULES, 400), (okx.RULES, 200)], ids=["binance", "okx"])


def refusal(rules: Rules, code: str, status: int, message: str = "") -> Refusal:
    answer: dict[str, Any] = {"code": int(code) if code.startswith("-") else code, "msg": message}
    found = rules.refusal(status, {}, answer)
    assert found is not None
    return found


def placing(rules: Rules, code: str, status: int, message: str = "") -> ExchangeError:
    return submit_error(Exception("x"), refusal(rules, code, status, message), was_sent=True)


@BOTH
def test_each_definite_code_rejects_and_each_list_has_codes_of_its_own(rules: Rules, status: int) -> None:
    for code, reason in rules.definite.items():
        error = placing(rules, code, status)
        assert isinstance(error, Rejected), code
        assert error.reason == reason
    assert not set(rules.definite) & (rules.too_many | rules.stale_timestamp)


@BOTH
def test_a_code_proves_nothing_where_the_gateway_failed(rules: Rules, status: int) -> None:
    for code in (*rules.definite, *rules.too_many, *rules.stale_timestamp):
        assert type(placing(rules, code, 502)) is Unclear, code


@BOTH
def test_what_came_too_soon_or_too_late_may_be_sent_again(rules: Rules, status: int) -> None:
    for code in (*rules.too_many, *rules.stale_timestamp):
        assert type(placing(rules, code, status)) is Throttled, code


@BOTH
def test_an_unlisted_code_is_in_doubt(rules: Rules, status: int) -> None:
    unlisted = "-9999" if rules is binance.RULES else "59999"
    assert type(placing(rules, unlisted, status)) is Unclear


@pytest.mark.parametrize("code", ["51016", "50071", "51149", "50004", "50013", "50026", "50037", "51054", "1", "2"])
def test_okx_codes_that_leave_it_open_are_on_no_list(code: str) -> None:
    assert code not in okx.RULES.definite
    assert code not in okx.RULES.too_many | okx.RULES.stale_timestamp


def test_okx_names_the_order_in_its_own_place() -> None:
    order = {"clOrdId": "a", "ordId": "", "sCode": "51008_1000", "sMsg": "Insufficient"}
    found = okx.RULES.refusal(200, {}, {"code": "1", "msg": "All operations failed", "data": [order]})
    assert found is not None
    assert (found.code, found.message) == ("51008", "Insufficient")


@pytest.mark.parametrize("answer", [{"code": "0", "data": [{"sCode": "0"}]}, {"code": "0", "data": []}])
def test_okx_says_of_a_success_that_it_is_one(answer: object) -> None:
    assert okx.RULES.refusal(200, {}, answer) is None


def test_okx_does_not_succeed_by_its_envelope_alone() -> None:
    found = okx.RULES.refusal(200, {}, {"code": "0", "data": [{"sCode": "51020", "sMsg": "too small"}]})
    assert found is not None
    assert found.code == "51020"


@pytest.mark.parametrize(
    ("rules", "code", "status", "error"),
    [
        (binance.RULES, "-2013", 400, OrderUnknown),
        (binance.RULES, "-2013", 500, None),
        (okx.RULES, "51603", 200, OrderUnknown),
        (okx.RULES, "51603", 404, None),
        (okx.RULES, "51400", 200, None),
    ],
)
def test_absence_is_the_venues_own_word(rules: Rules, code: str, status: int, error: type[Exception] | None) -> None:
    answer = read_error(Exception("x"), refusal(rules, code, status), was_sent=True, is_operational=True)
    assert isinstance(answer, OrderUnknown) is (error is OrderUnknown)


@pytest.mark.parametrize(
    ("rules", "code", "status", "message", "is_gone"),
    [
        (binance.RULES, "-2011", 400, "Unknown order sent.", True),
        (binance.RULES, "-2011", 400, "Order was not canceled due to cancel restrictions.", False),
        (okx.RULES, "51400", 200, "whatever", True),
        (okx.RULES, "51410", 200, "in canceling status", False),
    ],
)
def test_a_cancel_that_found_nothing_says_so(rules: Rules, code: str, status: int, message: str, is_gone: bool) -> None:
    error = cancel_error(Exception("x"), refusal(rules, code, status, message))
    assert type(error) is (OrderUnknown if is_gone else Unclear)


def test_a_venue_that_names_its_wait_is_heeded_and_one_that_does_not_gets_its_own() -> None:
    told = binance.RULES.refusal(429, {"Retry-After": "7"}, {"code": -1003, "msg": ""})
    dated = binance.RULES.refusal(429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, {"code": -1003, "msg": ""})
    silent = okx.RULES.refusal(429, {}, {"code": "50011", "msg": ""})
    assert [found.wait_s for found in (told, dated, silent) if found] == [7.0, 60.0, 2.0]
