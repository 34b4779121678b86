"""reconciliation, and reconciliation accept."""

from typing import Any

from cli.commands.reconciliation import reconciliation
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_api import FakeApi

LIST = "GET /api/v1/reconciliation"
DIFFERENCE = {"asset": "USDT", "expected": "1000", "found": "1250", "difference": "250"}
ORDER = {
    "client_order_id": "web_1",
    "exchange_order_id": "7",
    "symbol": "BTC/USDT",
    "side": "buy",
    "quantity": "1",
    "filled": "0",
}


def an_account(**changes: Any) -> dict[str, Any]:
    plain = {
        "exchange": "binance",
        "account": "live",
        "status": "clean",
        "reconciled_at": "2026-03-02T12:00:00+00:00",
        "checked_at": "2026-03-02T12:00:00+00:00",
        "note": "",
        "differences": [],
        "orders": [],
        "suspected": {"differences": [], "orders": []},
        "external_orders": [],
        "accepted": [],
    }
    return {**plain, **changes}


def test_an_account_that_agrees_is_one_line(api: FakeApi, run: Run) -> None:
    api.answer(LIST, {"items": [an_account()]})

    header, row = run(reconciliation).stdout.rstrip().splitlines()

    assert header.split()[:3] == ["EXCHANGE", "ACCOUNT", "STATUS"]
    assert row.split()[:3] == ["binance", "live", "clean"]


def test_what_differs_and_what_is_foreign_is_listed_with_what_to_do(api: FakeApi, run: Run) -> None:
    suspected = {"differences": [{**DIFFERENCE, "asset": "BTC"}], "orders": []}
    lost = {**ORDER, "client_order_id": "b2"}
    differing = an_account(
        status="drift", differences=[DIFFERENCE], suspected=suspected, orders=[lost], external_orders=[ORDER]
    )
    api.answer(LIST, {"items": [differing]})

    lines = [line.split() for line in run(reconciliation).stdout.splitlines()]

    assert ["binance", "live", "USDT", "1000", "1250", "250", "again", "and", "again"] in lines
    assert ["binance", "live", "BTC", "1000", "1250", "250", "once"] in lines
    assert ["binance", "live", "b2", "BTC/USDT", "buy", "1", "0", "nobody's"] in lines
    assert ["binance", "live", "web_1", "BTC/USDT", "buy", "1", "0", "another's"] in lines
    assert any("accept binance live --reason" in " ".join(line) for line in lines)


def test_an_acceptance_is_sent_with_its_reason(api: FakeApi, run: Run) -> None:
    api.answer("POST /api/v1/reconciliation/accept", {"message": "The difference is accepted; entries go again."})

    result = run(reconciliation, "accept", "binance", "live", "--reason", "paid in")

    assert result.exit_code == 0, result.output
    (asked,) = api.asked  # The list is not asked for.
    assert asked.body == {"exchange": "binance", "account": "live", "reason": "paid in"}
    assert "entries go again" in result.stdout


def test_an_acceptance_without_a_reason_is_a_usage_error(api: FakeApi, run: Run) -> None:
    assert run(reconciliation, "accept", "binance", "live").exit_code == 2
    assert api.asked == []


def test_without_accounts_it_says_how_to_begin(api: FakeApi, run: Run) -> None:
    api.answer(LIST, {"items": []})

    assert "orchestrator start" in run(reconciliation).stdout
