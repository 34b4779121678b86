"""How retries, breaker and budget stand to each other."""

from collections.abc import Callable

import fakeredis
import pytest

from shared.adapters.guard import Circuit, Guard, Lane, Refused
from shared.adapters.guard.breaker import Breaker
from shared.adapters.guard.breaker_storage import breaker_key
from shared.adapters.guard.budget import lane_limits
from shared.domain.backoff import RetryPolicy
from shared.domain.errors import ExchangeDown, OrderUnknown, Rejected, Throttled, Unclear


class CountingBudget:
    """Room for `calls`, then none."""

    def __init__(self, calls: int = 1_000) -> None:
        self.left = calls
        self.taken: list[Lane] = []

    def take(self, lane: Lane) -> None:
        if self.left == 0:
            raise Throttled("used up", retry_after_s=9)
        self.left -= 1
        self.taken.append(lane)

    def hold(self, seconds: float) -> None:
        self.left = 0


class Scene:
    def __init__(self, calls: int = 1_000, failures: int = 2) -> None:
        self.budget = CountingBudget(calls)
        self.slept: list[float] = []
        store = fakeredis.FakeRedis()
        self.guard = Guard(
            self.budget,  # type: ignore[arg-type]
            {circuit: Breaker(store, breaker_key("binance", circuit), failures, 60) for circuit in Circuit},
            RetryPolicy(attempts=3, initial_s=1, max_s=60, base=2),
            sleep=self.slept.append,
            jitter=lambda: 1.0,
        )

    def read(self, call: Callable[[], str], circuit: Circuit = Circuit.DATA) -> str:
        def sent() -> str:
            self.guard.take()
            return call()

        return self.guard.read(circuit, Lane.DATA, sent)


class Script:
    """Raises its errors one by one, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_a_read_is_tried_three_times_with_growing_pauses() -> None:
    # Given
    scene, call = Scene(), Script(ExchangeDown("1"), ExchangeDown("2"))
    # When
    answer = scene.read(call)
    # Then
    assert (answer, call.calls, scene.slept) == ("answer", 3, [1, 2])
    assert scene.budget.taken == [Lane.DATA] * 3


def test_the_last_failure_is_the_one_raised() -> None:
    scene, call = Scene(), Script(*(ExchangeDown(str(n)) for n in range(5)))
    with pytest.raises(ExchangeDown, match="2"):
        scene.read(call)
    assert call.calls == 3


def test_a_second_failed_read_opens_a_breaker_of_two() -> None:
    # Given
    scene, refused = Scene(failures=2), Script()
    for _ in range(2):
        with pytest.raises(ExchangeDown):
            scene.read(Script(*(ExchangeDown("x") for _ in range(3))))
    # When
    with pytest.raises(ExchangeDown, match="is open"):
        scene.read(refused)
    # Then
    assert refused.calls == 0


def test_the_retries_of_one_read_count_once() -> None:
    scene = Scene(failures=2)
    with pytest.raises(ExchangeDown):
        scene.read(Script(*(ExchangeDown("x") for _ in range(3))))
    assert scene.read(Script()) == "answer"


def test_an_open_breaker_is_no_reason_to_wait() -> None:
    scene = Scene(failures=1)
    with pytest.raises(ExchangeDown):
        scene.read(Script(*(ExchangeDown("x") for _ in range(3))))
    scene.slept.clear()
    with pytest.raises(ExchangeDown):
        scene.read(Script())
    assert scene.slept == []


@pytest.mark.parametrize("error", [Refused("key"), OrderUnknown("x"), Throttled("venue"), Rejected("no")])
def test_an_answer_of_the_venue_is_neither_retried_nor_counted(error: Exception) -> None:
    scene = Scene(failures=1)
    call = Script(error)
    with pytest.raises(type(error)):
        scene.read(call)
    assert call.calls == 1
    assert scene.read(Script()) == "answer"


def test_an_answer_of_the_venue_does_not_clear_the_count() -> None:
    # Given one failure of two
    scene = Scene(failures=2)
    failing = [ExchangeDown("x") for _ in range(3)]
    with pytest.raises(ExchangeDown):
        scene.read(Script(*failing))
    # When
    with pytest.raises(Refused):
        scene.read(Script(Refused("key")))
    with pytest.raises(ExchangeDown):
        scene.read(Script(*failing))
    # Then
    with pytest.raises(ExchangeDown, match="is open"):
        scene.read(Script())


def test_a_used_up_budget_is_not_retried() -> None:
    scene = Scene(calls=1)
    with pytest.raises(Throttled):
        scene.read(Script(ExchangeDown("x")))
    assert scene.slept == [1]


def test_an_order_is_sent_once_on_the_permits_budget() -> None:
    # Given
    scene = Scene()
    scene.guard.permit(Lane.ENTRY)

    def sent() -> str:
        scene.guard.take()
        return "accepted"

    # When
    answer = scene.guard.transmit(sent)
    # Then
    assert (answer, scene.budget.taken) == ("accepted", [Lane.ENTRY])


def test_an_order_in_doubt_is_not_sent_again() -> None:
    scene, call = Scene(), Script(Unclear("timeout"))
    scene.guard.permit(Lane.ENTRY)
    with pytest.raises(Unclear):
        scene.guard.transmit(call)
    assert (call.calls, scene.slept) == (1, [])


def test_failed_submits_stop_entries_and_neither_exits_nor_reads() -> None:
    # Given
    scene = Scene(failures=2)
    for _ in range(2):
        scene.guard.permit(Lane.ENTRY)
        with pytest.raises(Unclear):
            scene.guard.transmit(Script(Unclear("timeout")))
    # When / Then
    with pytest.raises(ExchangeDown):
        scene.guard.permit(Lane.ENTRY)
    scene.guard.permit(Lane.EXIT)
    assert scene.guard.transmit(Script()) == "answer"
    assert scene.read(Script(), Circuit.PRIVATE) == "answer"


def test_rejected_orders_leave_the_breaker_alone() -> None:
    scene = Scene(failures=1)
    for _ in range(3):
        scene.guard.permit(Lane.ENTRY)
        with pytest.raises(Rejected):
            scene.guard.transmit(Script(Rejected("filter")))


def test_a_read_after_an_order_pays_for_itself() -> None:
    scene = Scene()
    scene.guard.transmit(Script())
    scene.read(Script())
    assert scene.budget.taken == [Lane.DATA]


def test_each_lane_leaves_room_for_the_next() -> None:
    limits = lane_limits(90)
    assert [limits[lane] for lane in (Lane.DATA, Lane.LOOK_UP, Lane.ENTRY, Lane.EXIT)] == [72, 76, 81, 90]
    assert min(lane_limits(1).values()) == 1
