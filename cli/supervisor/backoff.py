"""How long to wait before a dead process is started again."""

FIRST_S = 0.2
LONGEST_S = 15.0
STEADY_S = 30.0  # Having run this long, a process has earned a fresh start.


def restart_delay_s(failures: int) -> float:
    """After `failures` deaths in a row: 0.2 s, 0.4 s … 15 s."""
    return float(min(LONGEST_S, FIRST_S * 2 ** min(max(failures - 1, 0), 10)))


def failures_after_exit(failures: int, ran_s: float) -> int:
    return 1 if ran_s >= STEADY_S else failures + 1
