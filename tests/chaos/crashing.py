"""The product's own ports, wrapped so that a process can end at a named point of the order protocol."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from requests.adapters import HTTPAdapter
from sqlalchemy import event
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from shared.domain.errors import OrderUnknown
from shared.domain.events import Event
from shared.domain.orders import IN_FLIGHT, Order, OrderReport, Permit

Reach = Callable[..., None]

WRITE = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM) (\w+)")

# Every point, in the order of the protocol, and what the process has done when it gets there.
POINTS = {
    "task_received": "taken from the broker, not begun",
    "before_plan_commit": "decision and order written, not committed",
    "after_plan_commit": "order planned",
    "before_exit_commit": "a position's exit written, not committed",
    "exit_planned": "exit planned",
    "order_taken": "a dead worker's order taken over",
    "permitted": "budget taken, signature fixed",
    "before_sending_commit": "SENDING written, not committed",
    "after_sending_commit": "SENDING committed, no byte sent",
    "bytes_sent": "the request is on its way, its answer not read",
    "reply_received": "the answer read, not recorded",
    "before_ack_commit": "the answer recorded, not committed",
    "after_ack_commit": "the answer committed",
    "before_failure_commit": "an unclear answer recorded, not committed",
    "after_failure_commit": "UNKNOWN committed",
    "resolve_queried": "the venue asked what became of an order",
    "before_resolve_commit": "what it said recorded, not committed",
    "after_resolve_commit": "what it said committed",
    "cancel_sent": "a resting order's cancel answered, not looked up",
    "trades_fetched": "fills read, not recorded",
    "before_fill_commit": "fills of a look-up recorded, not committed",
    "after_fill_commit": "fills of a look-up committed",
    "before_candle_commit": "a candle's decisions made, its own row not committed",
    "after_candle_commit": "a candle decided",
    "before_pubseq_commit": "events numbered, not committed",
    "after_pubseq_commit": "numbers committed, nothing published",
    "after_xadd": "events published, not marked as sent",
}
LIVE_ONLY = frozenset({"bytes_sent"})  # On paper no bytes leave.


@dataclass
class Transactions:
    """What the transaction under way has written, and the points that lie before its commit."""

    reach: Reach
    is_submitting: bool = False
    written: set[str] = field(default_factory=set)
    _before: list[tuple[str, str]] = field(default_factory=list)
    _order: str = ""

    def watch(self, engine: sa.Engine) -> None:
        event.listen(engine, "begin", lambda conn: self.written.clear())
        event.listen(engine, "after_cursor_execute", self._executed)
        event.listen(engine, "commit", lambda conn: self._about_to_commit())

    @contextmanager
    def before(self, points: list[tuple[str, str]], order: str = "") -> Iterator[None]:
        """Within the block each (point, write) is reached at a commit of a transaction that did this write."""
        self._before, self._order = points, order
        try:
            yield
        finally:
            self._before = []

    def _executed(self, conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        found = WRITE.match(statement)
        if found and cursor.rowcount:
            self.written.add(found.group(2) if found.group(1) != "UPDATE" else f"{found.group(2)}*")

    def _about_to_commit(self) -> None:
        for point, write in self._before:
            if write in self.written:
                self.reach(point, self._order)


class Wrapped:
    """What is not named here is the inner object's own."""

    def __init__(self, inner: Any, at: Transactions) -> None:
        self._inner, self._at = inner, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class CrashingJournal(Wrapped):
    def decide(self, decision: Any, plan: Any) -> Any:
        with self._at.before([("before_plan_commit", "orders")]):
            outcome = self._inner.decide(decision, plan)
        if outcome.is_new and outcome.order is not None:
            self._at.reach("after_plan_commit", outcome.order.client_order_id)
        return outcome

    def plan_exit(self, position_id: str, plan: Any) -> Order | None:
        with self._at.before([("before_exit_commit", "orders")]):
            order: Order | None = self._inner.plan_exit(position_id, plan)
        if order is not None:
            self._at.reach("exit_planned", order.client_order_id)
        return order

    def take(self, order: Order) -> Order | None:
        taken: Order | None = self._inner.take(order)
        if taken is not None:
            self._at.reach("order_taken", order.client_order_id)
        return taken

    def mark_sending(self, order: Order, *rest: Any) -> Order | None:
        with self._at.before([("before_sending_commit", "orders*")], order.client_order_id):
            sending: Order | None = self._inner.mark_sending(order, *rest)
        if sending is not None:
            self._at.reach("after_sending_commit", order.client_order_id)
        return sending

    def record_report(self, order: Order, *rest: Any) -> Any:
        stage = "ack" if self._at.is_submitting else "resolve" if order.state in IN_FLIGHT else "follow"
        points = [(stage, "orders*")] if stage == "ack" else [(stage, "orders*"), ("fill", "fills")]
        return self._committed(points, order, "record_report", *rest)

    def record_failure(self, order: Order, *rest: Any) -> Any:
        return self._committed([("failure", "orders*")], order, "record_failure", *rest)

    def record_not_found(self, order: Order, *rest: Any) -> Any:
        return self._committed([("resolve", "orders*")], order, "record_not_found", *rest)

    def record_evaluations(self, *what: Any) -> None:
        with self._at.before([("before_candle_commit", "decided_candles")]):
            self._inner.record_evaluations(*what)
        self._at.reach("after_candle_commit")

    def _committed(self, stages: list[tuple[str, str]], order: Order, method: str, *rest: Any) -> Any:
        before = [(f"before_{stage}_commit", write) for stage, write in stages]
        with self._at.before(before, order.client_order_id):
            after = getattr(self._inner, method)(order, *rest)
        for stage, write in stages:
            if write in self._at.written:
                self._at.reach(f"after_{stage}_commit", order.client_order_id)
        return after


class CrashingOutbox(Wrapped):
    def relay(self, publish: Callable[[Sequence[Event]], None], limit: int = 500) -> int:
        def published(events: Sequence[Event]) -> None:
            self._at.reach("after_pubseq_commit")
            publish(events)
            self._at.reach("after_xadd")

        with self._at.before([("before_pubseq_commit", "outbox*")]):
            sent: int = self._inner.relay(published, limit)
        return sent


class CrashingExchange(Wrapped):
    def permit(self, order: Order) -> Permit:
        permit: Permit = self._inner.permit(order)
        self._at.reach("permitted", order.client_order_id)
        return permit

    def submit(self, order: Order, permit: Permit, keep: Callable[[OrderReport], object]) -> OrderReport:
        def kept(report: OrderReport) -> object:
            self._at.reach("reply_received", order.client_order_id)
            return keep(report)

        self._at.is_submitting = True
        try:
            report: OrderReport = self._inner.submit(order, permit, kept)
        finally:
            self._at.is_submitting = False
        return report

    def report(self, order: Order) -> OrderReport:
        try:
            report: OrderReport = self._inner.report(order)
        except OrderUnknown:
            self._at.reach("resolve_queried", order.client_order_id)
            raise
        self._at.reach("resolve_queried", order.client_order_id)
        if report.fills:
            self._at.reach("trades_fetched", order.client_order_id)
        return report

    def cancel(self, order: Order) -> OrderReport:
        try:
            report: OrderReport = self._inner.cancel(order)
        finally:
            self._at.reach("cancel_sent", order.client_order_id)
        return report


def crash_between_bytes_and_reply(session: Any, reach: Reach) -> None:
    """Orders sent by `session` pass the point `bytes_sent` with the request in the kernel and no answer read."""

    class Connection(HTTPConnection):
        leaving = ("", "")

        def request(self, method: str, url: str, *rest: Any, **more: Any) -> None:
            self.leaving = (method, url.partition("?")[0])
            super().request(method, url, *rest, **more)

        def getresponse(self) -> Any:
            if self.leaving == ("POST", "/api/v3/order"):
                reach("bytes_sent")
            return super().getresponse()

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    adapter = HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {"http": Pool}
    session.mount("http://", adapter)
