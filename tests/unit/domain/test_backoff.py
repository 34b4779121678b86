import pytest

from shared.domain.backoff import RetryPolicy, backoff_s


def test_delays_double_from_the_first_and_stop_at_the_longest() -> None:
    delays = [backoff_s(attempt, RetryPolicy()) for attempt in range(1, 10)]

    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(
    ("policy", "delays"),
    [
        (RetryPolicy(initial_s=0.5, base=3, max_s=5), [0.5, 1.5, 4.5, 5]),
        (RetryPolicy(initial_s=2, base=1), [2, 2, 2, 2]),
        (RetryPolicy(initial_s=0), [0, 0, 0, 0]),
        (RetryPolicy(initial_s=90), [60, 60, 60, 60]),
    ],
)
def test_a_policy_sets_first_delay_growth_and_longest(policy: RetryPolicy, delays: list[float]) -> None:
    assert [backoff_s(attempt, policy) for attempt in range(1, 5)] == delays


def test_something_that_fails_for_days_still_has_a_delay() -> None:
    # 2.0 ** 1024 is more than a float holds.
    assert backoff_s(100_000, RetryPolicy()) == 60
