import pytest

from cli.supervisor.backoff import LONGEST_S, failures_after_exit, restart_delay_s
from cli.supervisor.specs import ProcessSpec, startable, stop_order


def _spec(name: str, *needs: str) -> ProcessSpec:
    return ProcessSpec(name=name, command=("true",), needs=needs)


SPECS = [_spec("store"), _spec("market"), _spec("migrate", "store"), _spec("worker", "migrate", "market")]


def _names(specs: list[ProcessSpec]) -> list[str]:
    return [spec.name for spec in specs]


def test_what_needs_nothing_starts_first() -> None:
    assert _names(startable(SPECS, started=set(), ready=set())) == ["store", "market"]


def test_a_process_waits_for_all_that_it_needs() -> None:
    assert _names(startable(SPECS, started={"store", "market", "migrate"}, ready={"store", "migrate"})) == []
    assert _names(startable(SPECS, {"store", "market", "migrate"}, {"store", "migrate", "market"})) == ["worker"]


def test_whoever_needs_a_process_stops_before_it() -> None:
    assert [sorted(_names(group)) for group in stop_order(SPECS)] == [["worker"], ["market", "migrate"], ["store"]]


def test_processes_that_need_one_another_are_refused() -> None:
    with pytest.raises(ValueError, match="these need one another: a, b"):
        stop_order([_spec("a", "b"), _spec("b", "a")])


def test_restarts_slow_down_to_a_bound() -> None:
    delays = [restart_delay_s(failures) for failures in range(1, 40)]

    assert delays[:4] == [0.2, 0.4, 0.8, 1.6]
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_S


def test_a_long_run_earns_a_fresh_start() -> None:
    assert failures_after_exit(7, ran_s=29.9) == 8
    assert failures_after_exit(7, ran_s=30.0) == 1
