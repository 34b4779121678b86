"""Candles: closed by time to the millisecond, gaps seen, packed and unpacked."""

import pytest

from shared.domain.candles import COLUMNS, Candles, Timeframe
from tests.builders import NOON, ms, some_candles

M1 = Timeframe.M1
MINUTE = 60_000
T0 = ms(NOON)


def opens(candles: Candles) -> list[int]:
    return list(candles.opens_ms)


def test_timeframes_are_as_long_as_they_are_named() -> None:
    assert {each.value: each.ms // 1000 for each in Timeframe} == {
        "1s": 1,
        "1m": 60,
        "3m": 180,
        "5m": 300,
        "15m": 900,
        "30m": 1_800,
        "1h": 3_600,
        "2h": 7_200,
        "4h": 14_400,
        "6h": 21_600,
        "8h": 28_800,
        "12h": 43_200,
        "1d": 86_400,
    }


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_the_last_closed_candle_changes_at_the_very_millisecond_of_its_close(timeframe: Timeframe) -> None:
    # Given a boundary of the timeframe's own grid
    boundary = T0 // timeframe.ms * timeframe.ms

    assert timeframe.last_closed_open_ms(boundary - 1) == boundary - 2 * timeframe.ms
    assert timeframe.last_closed_open_ms(boundary) == boundary - timeframe.ms


def test_a_candle_is_closed_at_the_very_millisecond_of_its_end() -> None:
    candles = some_candles(M1, T0, T0 + MINUTE)

    assert opens(candles.closed(T0 + MINUTE - 1)) == []
    assert opens(candles.closed(T0 + MINUTE)) == [T0]
    assert opens(candles.closed(T0 + 2 * MINUTE - 1)) == [T0]
    assert opens(candles.closed(T0 + 2 * MINUTE)) == [T0, T0 + MINUTE]


def test_a_forming_candle_that_the_venue_omits_costs_no_closed_one() -> None:
    # Given a quiet venue whose newest row has long closed
    candles = some_candles(M1, T0, T0 + MINUTE)

    assert len(candles.closed(T0 + 10 * MINUTE)) == 2


def test_rows_are_sorted_and_the_last_of_equal_open_times_wins() -> None:
    rows = [(T0 + MINUTE, 2, 2, 2, 2, 2), (T0, 1, 1, 1, 1, 1), (T0 + MINUTE, 3, 4, 2, 3, 9)]

    candles = Candles.from_rows(M1, rows)

    assert candles.rows() == [(T0, 1, 1, 1, 1, 1), (T0 + MINUTE, 3, 4, 2, 3, 9)]
    assert [list(getattr(candles, name)) for name in COLUMNS] == [[1, 3], [1, 4], [1, 2], [1, 3], [1, 9]]


@pytest.mark.parametrize(
    ("minutes", "is_gapless"),
    [([], True), ([0], True), ([0, 1, 2], True), ([0, 2], False), ([0, 1, 3, 4], False)],
)
def test_a_missing_candle_is_a_gap(minutes: list[int], is_gapless: bool) -> None:
    assert some_candles(M1, *(T0 + n * MINUTE for n in minutes)).is_gapless is is_gapless


def test_a_candle_off_the_grid_is_a_gap() -> None:
    assert not some_candles(M1, T0, T0 + MINUTE + 1).is_gapless


def test_newer_rows_win_and_the_oldest_leave() -> None:
    older = some_candles(M1, *(T0 + n * MINUTE for n in range(3)))
    newer = Candles.from_rows(M1, [(T0 + n * MINUTE, 7, 7, 7, 7, 7) for n in (2, 3)])

    merged = older.merged(newer, keep=3)

    assert opens(merged) == [T0 + n * MINUTE for n in (1, 2, 3)]
    assert list(merged.close) == [1, 7, 7]


def test_a_part_is_cut_from_every_column() -> None:
    candles = Candles.from_rows(M1, [(T0 + n * MINUTE, n, n, n, n, n) for n in range(4)])

    assert candles[1:3].rows() == candles.rows()[1:3]


def test_two_candles_are_packed_in_104_bytes() -> None:
    # A header of 8, and 6 columns of 8 bytes a candle: the cache's size follows from it.
    assert len(some_candles(M1, T0, T0 + MINUTE).to_bytes()) == 8 + 2 * 6 * 8


PACKED = some_candles(Timeframe.M15, T0, T0 + 15 * MINUTE).to_bytes()


@pytest.mark.parametrize(
    "damaged",
    [b"", PACKED[:7], PACKED[:-1], PACKED + b"\0", b"7w\0\0" + PACKED[4:], b"\xff" + PACKED[1:]],
    ids=["empty", "half a header", "truncated", "too long", "another timeframe", "no text"],
)
def test_damaged_bytes_are_a_value_error(damaged: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # its message is for people
        Candles.from_bytes(damaged)
