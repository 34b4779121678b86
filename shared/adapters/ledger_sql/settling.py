"""An order in quarantine, settled by what a person found. The bot is locked."""

from datetime import datetime

import sqlalchemy as sa

from shared.adapters.ledger_sql import facts, recording, tables
from shared.adapters.ledger_sql.rows import Values, values
from shared.domain import findings, transmission
from shared.domain.bots import Bot
from shared.domain.errors import Conflict
from shared.domain.findings import Finding, Found
from shared.domain.orders import Order, OrderState
from shared.domain.values import Market

_n = tables.findings
_LAST = sa.select(_n).where(_n.c.client_order_id == sa.bindparam("id_")).order_by(_n.c.id.desc()).limit(1)
_INSERT = sa.insert(_n)

# What to do instead, by the state that it is in.
_INSTEAD = {
    OrderState.SENDING: "it is being looked up; wait until the venue has answered, or a quarter of an hour",
    OrderState.UNKNOWN: "it is being looked up; wait until the venue has answered, or a quarter of an hour",
    OrderState.PLANNED: "it has not been sent; nothing is to be settled",
    OrderState.ACKED: "the venue answers for it; cancel it there, and it is followed here",
    OrderState.PARTIALLY_FILLED: "the venue answers for it; cancel it there, and it is followed here",
}
_ENDED = "it has ended, and nothing is to be settled"


def settle(conn: sa.Connection, bot: Bot, stored: Order, finding: Finding, market: Market, at: datetime) -> Order:
    if stored.state is not OrderState.QUARANTINED:
        return _again(conn, stored, finding)
    findings.checked(finding, stored)
    conn.execute(_INSERT, {**_row(finding), "client_order_id": stored.client_order_id, "at": at})
    facts.append(conn, facts.order_settled(stored, finding, at))
    if finding.found is Found.NOT_PLACED:
        return recording.proved_absent(conn, bot, transmission.absent(stored, at), at)
    said = findings.report_of(finding, stored, recording.traded(conn, stored), market, at)
    return recording.report(conn, bot, stored, said, market, at)


def _again(conn: sa.Connection, stored: Order, finding: Finding) -> Order:
    """Nothing: the same was found before. Anything else contradicts what became of the order."""
    last = conn.execute(_LAST, {"id_": stored.client_order_id}).one_or_none()
    if last is not None and {name: getattr(last, name) for name in _row(finding)} == _row(finding):
        return stored
    instead = _INSTEAD.get(stored.state, _ENDED)
    raise Conflict(f"the order is {stored.state}, and only a quarantined one is settled by hand: {instead}")


def _row(finding: Finding) -> Values:
    return values(finding)
