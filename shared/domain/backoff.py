"""Back-off arithmetic; adapters sleep."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` counts the first try; delays in seconds."""

    attempts: int = 3
    initial_s: float = 1.0
    max_s: float = 60.0
    base: float = 2.0


def backoff_s(attempt: int, policy: RetryPolicy) -> float:
    """Seconds to wait after the `attempt`-th failure, counted from 1."""
    try:
        grown = policy.initial_s * policy.base ** (attempt - 1)
    except OverflowError:  # Floats end at 2.0 ** 1024, and something may have been failing for longer.
        return float(policy.max_s)
    return float(min(policy.max_s, grown))
