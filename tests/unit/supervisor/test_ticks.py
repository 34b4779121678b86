"""For how long a worker has executed no tick, and when that may be held against it."""

from collections.abc import Mapping

from cli.supervisor.ticks import TickWatch
from shared.domain.errors import Unavailable


class Stores:
    """What a look finds, on a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.silences: Mapping[str, float] = {}
        self.is_away = False
        self.watch = TickWatch(self.look, "here", lambda: self.now)

    def look(self) -> Mapping[str, float]:
        if self.is_away:
            raise Unavailable("away")
        return self.silences

    def looks(self, seconds: float, **silences: float) -> None:
        """Look at the beginning and at the end of so many seconds."""
        self.silences = {f"{worker}@here": silence for worker, silence in silences.items()}
        self.watch.look()
        self.now += seconds
        self.watch.look()


def test_a_worker_is_as_silent_as_its_last_tick_is_old() -> None:
    stores = Stores()
    stores.looks(300, orders=70, strategy=2)

    assert stores.watch.silence_s("orders") == 70
    assert stores.watch.silence_s("strategy") == 2


def test_nothing_is_held_against_anybody_before_the_first_look() -> None:
    assert Stores().watch.silence_s("orders") == 0


def test_one_that_never_ticked_is_silent_since_it_was_looked_for() -> None:
    stores = Stores()
    stores.looks(65)

    assert stores.watch.silence_s("orders") == 65


def test_an_outage_of_the_stores_is_not_held_against_a_worker() -> None:
    # Given an outage of ten minutes, in which nothing could be executed
    stores = Stores()
    stores.looks(10, orders=1)
    stores.is_away = True
    stores.looks(600)
    assert stores.watch.silence_s("orders") == 0

    # When the stores are back
    stores.is_away = False
    stores.looks(30, orders=640)

    # Then the silence counts from there
    assert stores.watch.silence_s("orders") == 30


def test_a_clock_that_jumps_is_not_held_against_a_worker() -> None:
    # Given a worker that ticks, and a machine that slept for ten minutes
    stores = Stores()
    stores.looks(300, orders=2, strategy=2)

    stores.looks(5, orders=602, strategy=602)
    assert stores.watch.silence_s("orders") == 7

    # When it ticks again, and another does not
    for silent_s in range(607, 667, 5):
        stores.looks(5, orders=1, strategy=silent_s)

    # Then
    assert stores.watch.silence_s("orders") == 1
    assert stores.watch.silence_s("strategy") > 60


def test_a_look_that_hangs_adds_nothing_to_the_silence() -> None:
    stores = Stores()
    stores.looks(300, orders=5)
    stores.now += 300

    assert stores.watch.silence_s("orders") == 5


def test_a_worker_of_the_same_name_on_another_machine_is_another() -> None:
    stores = Stores()
    stores.silences = {"orders@there": 3.0, "orders@here": 80.0}
    stores.watch.look()
    stores.now += 100
    stores.watch.look()

    assert stores.watch.silence_s("orders") == 80
