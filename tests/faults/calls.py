"""Control calls as their callers saw them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

LETS_RUN = frozenset({"resume", "start", "reset_errors"})


@dataclass(frozen=True, slots=True)
class Call:
    """`ended_at`: when it was answered (`outcome` "ok"), refused, or its process died."""

    bot_id: str
    name: str
    made_at: float
    ended_at: float
    outcome: str


def enabling_since(calls: Sequence[Call], after: Call) -> float:
    """From when on the bot may enter again: the first call that might let it run and was not over before `after`.

    Of two calls that overlap, either may be the later one.
    """
    mine = (call for call in calls if call.bot_id == after.bot_id and call.name in LETS_RUN)
    return min((call.made_at for call in mine if call.ended_at > after.made_at), default=inf)
