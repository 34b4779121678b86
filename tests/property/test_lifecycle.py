"""What holds for a bot whatever is asked of it, in any order, by a user and by the system."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.bots import (
    Bot,
    Desired,
    OnStop,
    PausedBy,
    capital_change,
    flattened,
    paused,
    resumed,
    started,
    stopped,
)
from shared.domain.errors import Conflict
from tests.builders import HOUR, NOON

NAMES = ["start", "pause", "halt", "resume", "keep", "flatten", "flat"]
CALLS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["100", "250", "1000"]), st.booleans()), max_size=25)


def called(bot: Bot | None, name: str, balance: str, holds: bool, hour: int) -> Bot | None:
    """The bot after a call; the same one where it was refused."""
    now = NOON + hour * HOUR
    try:
        if name == "start":
            return started(
                bot,
                bot_id="default",
                exchange="binance",
                account="paper",
                quote="USDT",
                initial_balance=Decimal(balance),
                now=now,
            )
        if bot is None:
            return None
        match name:
            case "pause":
                return paused(bot, PausedBy.USER, "lunch", now)
            case "halt":
                return paused(bot, PausedBy.SYSTEM, "errors", now)
            case "resume":
                return resumed(bot, now)
            case "keep":
                return stopped(bot, OnStop.KEEP, holds, now)
            case "flatten":
                return stopped(bot, OnStop.FLATTEN, holds, now)
            case _:
                return flattened(bot, now)
    except Conflict:
        return bot


@settings(deadline=None, max_examples=300)
@given(CALLS)
def test_a_bot_is_consistent_after_any_calls(calls: list[tuple[str, str, bool]]) -> None:
    before: Bot | None = None
    paid_in = Decimal(0)

    for hour, (name, balance, holds) in enumerate(calls):
        after = called(before, name, balance, holds, hour)
        if after is None:
            continue

        # A pause has an author, and nothing else has one; only what is stopped can be stopping.
        assert (after.paused_by is None) == (after.desired is not Desired.PAUSED)
        assert after.desired is Desired.STOPPED or not after.is_stopping
        # Money moves with a start alone, and what was paid in is the initial balance.
        paid_in += capital_change(before, after)
        assert paid_in == after.initial_balance
        if before is not None:
            _check_change(before, after, name, hour)
        before = after


def _check_change(before: Bot, after: Bot, name: str, hour: int) -> None:
    is_changed = after != before
    assert after.version == before.version + is_changed
    assert is_changed or after is before
    assert after.updated_at == (NOON + hour * HOUR if is_changed else before.updated_at)
    # Runs are counted by starts, and trading begins with a start or a resume: never in the past.
    assert after.run == before.run + (is_changed and name == "start")
    began = after.may_enter and not before.may_enter
    assert after.trades_from == (NOON + hour * HOUR if began else before.trades_from)
    # The system changes nothing that the user asked for, but makes a running bot pause.
    if name == "halt" and is_changed:
        assert (before.desired, after.desired) == (Desired.RUNNING, Desired.PAUSED)
