"""How an account stands after a look, a demand, a person's word."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.events import EventType
from shared.domain.reconciliation import Reconciliation, accepted, after_look, told
from shared.domain.reconciling import NO_DRIFT, Conclusion, Verdict
from tests.builders import NOON
from tests.builders_accounts import a_drift, a_reconciliation, some_books

LATER = NOON + timedelta(seconds=3)
CLEAN = Conclusion(Verdict.CLEAN, NOON, explained_until=NOON - timedelta(seconds=10))
DRIFT = Conclusion(Verdict.DRIFT, NOON, drift=a_drift())
UNSURE = Conclusion(Verdict.INCONCLUSIVE, NOON, drift=a_drift(), why="a difference, to be looked at again")


def after(row: Reconciliation, conclusion: Conclusion) -> Reconciliation:
    return after_look(row, some_books(read_at=NOON), conclusion, LATER)


@pytest.mark.parametrize(("conclusion", "minutes"), [(CLEAN, 5.0), (DRIFT, 2.0), (UNSURE, 1 / 6)])
def test_each_verdict_has_its_own_patience(conclusion: Conclusion, minutes: float) -> None:
    assert after(a_reconciliation(), conclusion).due_at - LATER == timedelta(minutes=minutes)


def test_a_clean_look_opens_the_gate_as_of_its_beginning() -> None:
    row = a_reconciliation(demanded_at=NOON, reconciled_at=None, is_clean=False, confirmed=a_drift())

    found = after(row, CLEAN)

    assert (found.is_clean, found.confirmed, found.reconciled_at) == (True, NO_DRIFT, NOON)
    assert not found.is_waiting
    assert found.explained_until == CLEAN.explained_until
    assert found.version == row.version + 1


def test_a_demand_during_a_look_is_not_met_by_it() -> None:
    row = a_reconciliation(demanded_at=NOON + timedelta(seconds=1), reconciled_at=None)

    found = after(row, CLEAN)

    assert found.is_waiting
    assert found.due_at == LATER


def test_an_inconclusive_look_changes_no_verdict() -> None:
    row = a_reconciliation(is_clean=False, confirmed=a_drift("1"), explained_until=NOON)

    found = after(row, UNSURE)

    assert (found.is_clean, found.confirmed, found.reconciled_at) == (False, a_drift("1"), row.reconciled_at)
    assert (found.suspected, found.why, found.explained_until) == (a_drift(), UNSURE.why, NOON)


def test_a_drift_holds_entries_until_it_is_gone() -> None:
    drifting = after(a_reconciliation(), DRIFT)

    assert (drifting.is_clean, drifting.confirmed, drifting.suspected) == (False, a_drift(), NO_DRIFT)
    assert after(drifting, CLEAN).is_clean


def test_an_accepted_drift_is_behind_the_account() -> None:
    row = a_reconciliation(
        is_clean=False, confirmed=a_drift(), looked_at=NOON, explained_until=NOON - timedelta(days=1)
    )

    found = accepted(row, LATER)

    assert (found.is_clean, found.confirmed, found.due_at) == (True, NO_DRIFT, LATER)
    assert found.explained_until == NOON
    assert found.version == row.version + 1


def test_nothing_is_said_twice() -> None:
    clean = a_reconciliation()
    waiting = replace(clean, reconciled_at=None)
    drifting = after(clean, DRIFT)
    other = after(clean, replace(DRIFT, drift=a_drift("1")))

    said = {
        "clean, clean": told(clean, after(clean, CLEAN), NOON),
        "waiting, clean": told(waiting, after(waiting, CLEAN), NOON),
        "clean, unsure": told(clean, after(clean, UNSURE), NOON),
        "clean, drift": told(clean, drifting, NOON),
        "drift, the same drift": told(drifting, after(drifting, DRIFT), NOON),
        "drift, another drift": told(drifting, replace(other, version=2), NOON),
        "drift, unsure": told(drifting, after(drifting, UNSURE), NOON),
        "drift, clean": told(drifting, after(drifting, CLEAN), NOON),
    }

    kinds = {name: [event.type for event in events] for name, events in said.items()}
    assert kinds == {
        "clean, clean": [],
        "waiting, clean": [EventType.ACCOUNT_RECONCILED],
        "clean, unsure": [],
        "clean, drift": [EventType.ACCOUNT_DRIFTED],
        "drift, the same drift": [],
        "drift, another drift": [EventType.ACCOUNT_DRIFTED],
        "drift, unsure": [],
        "drift, clean": [EventType.ACCOUNT_RECONCILED],
    }


def test_a_drift_says_what_differs() -> None:
    clean = a_reconciliation()

    (event,) = told(clean, after(clean, DRIFT), NOON)

    assert event.bot_id == ""
    assert event.payload == {
        "exchange": "binance",
        "account": "paper",
        "differences": [{"asset": "USDT", "expected": "1000", "found": "1250", "difference": "250"}],
        "orders": [],
    }
