"""Accounts against their venue, on the whole system: the gate opens by itself, and money paid in holds entries."""

from typing import Any

from tests.e2e.books import contradictions, differences_from_venue
from tests.e2e.stack import Stack, until

KEY = "e2e-key"


def _account(stack: Stack) -> dict[str, Any]:
    items = stack.get("reconciliation").body["items"]
    found: dict[str, Any] = next(each for each in items if each["exchange"] == "binance")
    return found


def _is(stack: Stack, status: str) -> bool:
    return bool(_account(stack)["status"] == status)


def _event_types(stack: Stack) -> list[str]:
    return [item["type"] for item in stack.get("events/history?last=100").body["items"]]


def test_money_paid_in_holds_entries_until_it_is_accepted_and_exits_go_on(live: Stack) -> None:
    # Given a bot whose account agrees, within seconds of its start, and which holds a position
    live.empty_handed()
    live.start_bot()
    until(lambda: _is(live, "clean"), 20, "the account to be reconciled")
    live.add("RSIStrategy", "BTC/USDT", rsi_period=3, oversold=90, overbought=99)
    held = "SELECT count(*) FROM positions WHERE state = 'open' AND quantity > 0"
    until(lambda: live.sql(held)[0][0] > 0, 60, "a position")

    # When somebody pays in, and the account is looked at again, as it is every five minutes
    live.venue.deposit(KEY, "USDT", "250")
    live.command("UPDATE reconciliations SET due_at = now()")
    until(lambda: _is(live, "drift"), 40, "the drift to be seen twice")

    # Then it says what differs, and by how much
    (difference,) = _account(live)["differences"]
    assert (difference["asset"], difference["difference"]) == ("USDT", "250")
    health = live.get("bot/health").body
    assert any("books differ" in reason and "USDT" in reason for reason in health["reasons"]), health
    # And what is held is sold, while nothing is bought
    live.post("bot/stop", {"positions": "flatten"})
    until(lambda: live.get("bot/status").body["state"] == "stopped", 30, "everything to be sold")
    live.start_bot()
    refused = "SELECT count(*) FROM decisions WHERE denial = 'account_drift'"
    until(lambda: live.sql(refused)[0][0] > 0, 60, "an entry to be refused")
    assert live.sql(held)[0][0] == 0

    # And once a person has accepted it, entries go again
    accepted = live.post("reconciliation/accept", {"exchange": "binance", "account": "live", "reason": "paid in"})
    assert (accepted.status, accepted.body["account"]["differences"]) == (200, [])
    until(lambda: _is(live, "clean"), 20, "a look that agrees")
    until(lambda: live.sql(held)[0][0] > 0, 60, "a position")
    live.empty_handed()
    assert {"AccountDrifted", "DriftAccepted"} <= set(_event_types(live))
    assert contradictions(live) == {}
    assert differences_from_venue(live) == {}


def test_a_worker_that_starts_lets_entries_wait_for_another_look(live: Stack) -> None:
    live.start_bot()
    demanded = "SELECT max(demanded_at) FROM reconciliations WHERE exchange = 'binance'"
    before = live.sql(demanded)[0][0]

    live.tree("orders")[0].kill()

    until(lambda: live.sql(demanded)[0][0] > before, 40, "the new worker to demand it")
    until(lambda: _is(live, "clean"), 40, "the account to be reconciled")
