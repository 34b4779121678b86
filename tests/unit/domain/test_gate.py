"""What holds entries back, whatever the bot wants."""

from datetime import timedelta

import pytest

from shared.domain.gate import FRESH, Gate, is_reconciled
from shared.domain.planning import plan
from shared.domain.risk import Denial
from shared.domain.values import Side
from tests.builders import HOUR, MS, NOON, a_decision, a_desk, a_position, a_quote, some_limits

QUARANTINED = Gate(has_quarantined=True)
DRIFTED = Gate(has_drift=True)


def test_an_open_gate_refuses_nothing() -> None:
    assert Gate().refusal is None
    assert Gate(is_reconciled=False).refusal is None  # That one waits.


def test_an_order_in_quarantine_is_named_before_a_drift() -> None:
    assert Gate(has_drift=True, has_quarantined=True).refusal is Denial.ORDER_QUARANTINED
    assert DRIFTED.refusal is Denial.ACCOUNT_DRIFT


@pytest.mark.parametrize("gate", [QUARANTINED, DRIFTED])
def test_a_closed_gate_refuses_entries_and_lets_exits_pass(gate: Gate) -> None:
    entry = plan(a_decision(), a_desk(gate=gate), a_quote(), some_limits())
    leaving = plan(a_decision(Side.SELL), a_desk(gate=gate, position=a_position()), a_quote(), some_limits())

    assert entry is gate.refusal
    assert not isinstance(leaving, Denial)


def test_nothing_is_held_back_before_the_first_demand() -> None:
    assert is_reconciled(None, None, NOON)


@pytest.mark.parametrize(
    ("reconciled_at", "expected"),
    [
        (None, False),
        (NOON - HOUR - MS, False),  # Before the demand.
        (NOON - FRESH, False),
        (NOON - FRESH + MS, True),
        (NOON, True),
    ],
)
def test_a_reconciliation_counts_after_the_demand_and_while_it_is_fresh(reconciled_at: object, expected: bool) -> None:
    assert is_reconciled(NOON - HOUR, reconciled_at, NOON) is expected  # type: ignore[arg-type]


def test_a_new_demand_makes_a_fresh_reconciliation_worth_nothing() -> None:
    reconciled_at = NOON - timedelta(seconds=2)

    assert not is_reconciled(NOON - timedelta(seconds=1), reconciled_at, NOON)
    assert is_reconciled(reconciled_at, reconciled_at, NOON)
