"""What holds for candles however they are packed, merged and decided."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.candles import COLUMNS, Candles, Timeframe
from shared.domain.evaluating import due_candles
from tests.builders import NOON, a_market_key, ms

T0 = ms(NOON)
TIMEFRAMES = st.sampled_from(Timeframe)
VALUES = st.floats()  # NaN and infinities included: a venue may send anything.
ROWS = st.lists(st.tuples(st.integers(-(2**62), 2**62), VALUES, VALUES, VALUES, VALUES, VALUES), max_size=30)
MINUTES = st.lists(st.integers(0, 40), max_size=30)


def minutes(offsets: list[int], close: float) -> Candles:
    return Candles.from_rows(Timeframe.M1, [(T0 + n * 60_000, 1.0, 1.0, 1.0, close, 1.0) for n in offsets])


@settings(deadline=None)
@given(TIMEFRAMES, ROWS)
def test_what_was_packed_is_unpacked_to_the_last_bit(timeframe: Timeframe, rows: list[tuple[float, ...]]) -> None:
    candles = Candles.from_rows(timeframe, rows)

    again = Candles.from_bytes(candles.to_bytes())

    assert again.timeframe is timeframe
    assert again.opens_ms == candles.opens_ms
    # Bytes, since NaN is not equal to itself.
    assert [getattr(again, name).tobytes() for name in COLUMNS] == [
        getattr(candles, name).tobytes() for name in COLUMNS
    ]


@settings(deadline=None)
@given(MINUTES, MINUTES, st.integers(1, 50))
def test_a_merge_prefers_newer_rows_and_keeps_the_last(old: list[int], new: list[int], keep: int) -> None:
    expected = {T0 + n * 60_000: 1.0 for n in old} | {T0 + n * 60_000: 2.0 for n in new}

    merged = minutes(old, 1.0).merged(minutes(new, 2.0), keep)

    assert list(zip(merged.opens_ms, merged.close, strict=True)) == sorted(expected.items())[-keep:]


@settings(deadline=None)
@given(TIMEFRAMES, st.integers(-(10**9), 10**9))
def test_the_last_closed_candle_has_closed_and_the_next_has_not(timeframe: Timeframe, offset_ms: int) -> None:
    now_ms = T0 + offset_ms

    open_ms = timeframe.last_closed_open_ms(now_ms)

    assert open_ms % timeframe.ms == 0
    assert open_ms + timeframe.ms <= now_ms < open_ms + 2 * timeframe.ms
    assert len(Candles.from_rows(timeframe, [(open_ms, 1, 1, 1, 1, 1)]).closed(now_ms)) == 1


@settings(deadline=None)
@given(st.lists(st.integers(-30_000, 600_000), min_size=1, max_size=30))
def test_every_candle_is_decided_exactly_once_whenever_ticks_come(steps_ms: list[int]) -> None:
    # Given ticks at uneven distances, on a clock that now and then goes back
    market, now_ms = a_market_key(timeframe=Timeframe.M1), T0
    last: int | None = None
    decided: Counter[int] = Counter()

    for step_ms in steps_ms:
        now_ms += step_ms
        for open_ms in due_candles(market, last, now_ms):
            decided[open_ms] += 1
            last = open_ms

    assert set(decided.values()) == {1}
    assert sorted(decided) == list(range(min(decided), max(decided) + 1, 60_000))
