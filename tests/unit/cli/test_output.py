import io
from datetime import date
from decimal import Decimal

import pytest
from rich.console import Console

from cli.commands.output import (
    Column,
    Fact,
    Listing,
    Look,
    dressed,
    duration,
    fitting,
    moment,
    money,
    plain,
    rich_table,
    sparkline,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("10000", "10,000.00"),
        ("-1234.5", "-1,234.50"),
        ("0", "0.00"),
        ("0.000012345", "0.00001234"),
        ("0.5", "0.5000"),
        ("n/a", "n/a"),
        ("NaN", "NaN"),
    ],
)
def test_money_is_readable_at_every_size(value: str, shown: str) -> None:
    assert money(value) == shown


def test_a_gain_carries_its_sign_and_colour() -> None:
    assert (dressed("12.5", Look.CHANGE).plain, dressed("12.5", Look.CHANGE).style) == ("+12.50", "green")
    assert dressed("-12.5", Look.CHANGE).style == "red"
    assert dressed("0.00", Look.CHANGE).style == "dim"


def test_times_are_shown_in_utc() -> None:
    assert moment("2026-11-22T18:11:32.5+01:00") == "2026-11-22 17:11:32"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_durations_have_one_unit(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_curve_is_drawn_from_lowest_to_highest() -> None:
    assert sparkline([Decimal(1), Decimal(2), Decimal(8)]) == "▁▂█"
    assert sparkline([Decimal(5), Decimal(5)]) == "▁▁"
    assert sparkline([]) == ""


def test_plain_columns_line_up_and_keep_everything() -> None:
    listing = Listing(
        (Column("Symbol"), Column("Quantity", Look.NUMBER), Column("Why")),
        [("BTC/USDT", "0.1", "a long reason\nin two lines " * 20), ("X/Y", None, "")],
    )

    header, first, second = plain(listing).splitlines()

    assert header == "SYMBOL    QUANTITY  WHY"
    assert first.startswith("BTC/USDT       0.1  a long reason in two lines")
    assert second == "X/Y              -  -"


def test_plain_facts_are_label_and_value() -> None:
    assert plain([Fact("state", "running"), Fact("paper", True)]) == "state  running\npaper  yes"


def test_a_narrow_terminal_never_shortens_a_number() -> None:
    listing = Listing(
        (Column("Why"), Column("Quantity", Look.NUMBER)),
        [("a reason that is longer than the screen " * 3, "0.12345678")],
    )
    console = Console(width=40, record=True, file=io.StringIO())

    console.print(rich_table(listing, 40))

    assert "0.12345678" in console.export_text()


def test_a_narrow_terminal_wraps_a_name_and_never_cuts_it() -> None:
    name = "MACDBollingerStrategy"
    listing = Listing((Column("Strategy"),), [(name,)])
    console = Console(width=16, record=True, file=io.StringIO())

    console.print(rich_table(listing, 16))

    assert name in "".join(console.export_text().split())


def test_a_narrow_terminal_leaves_out_what_is_most_spare() -> None:
    columns = (Column("A"), Column("B", spare=1), Column("C", spare=2), Column("Why"))
    rows = [["a" * 10, "b" * 10, "c" * 10, "a sentence " * 20]]

    shown = {width: fitting(columns, rows, width) for width in (200, 50, 40, 20)}

    assert shown == {200: [0, 1, 2, 3], 50: [0, 1, 3], 40: [0, 3], 20: [0, 3]}


def test_a_title_of_two_words_takes_the_room_of_one() -> None:
    columns = (Column("Created (UTC)"), Column("Reason", spare=1))

    assert fitting(columns, [["19:11:40", "signal"]], 7 + 8 + 2 * 3) == [0, 1]


def test_a_time_of_today_needs_no_date() -> None:
    at = "2026-11-22T17:11:32+00:00"

    assert dressed(at, Look.TIME, date(2026, 11, 22)).plain == "17:11:32"
    assert dressed(at, Look.TIME, date(2026, 11, 23)).plain == "2026-11-22 17:11:32"
