"""How answers look: tables on a terminal, aligned plain columns anywhere else."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from enum import Enum
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

NONE = "—"
WRAPS_AT = 14
CELL_PADDING = 3
SPARKS = "▁▂▃▄▅▆▇█"


class Look(Enum):
    """What kind of value a column holds: how it is aligned, shortened and coloured on a terminal."""

    TEXT = "text"
    STATE = "state"
    MONEY = "money"
    CHANGE = "change"
    NUMBER = "number"
    TIME = "time"


STYLES = {
    state: style
    for style, states in {
        "green": ("running", "healthy", "filled", "closed", "buy", "active", "clean"),
        "yellow": ("paused", "degraded", "stopping", "half_open", "partially_filled", "unknown", "sending", "waiting"),
        "red": ("unhealthy", "rejected", "quarantined", "sell", "denied", "drift"),
        "dim": ("stopped", "hold", "canceled", "expired", "planned"),
    }.items()
    for state in states
}


@dataclass(frozen=True, slots=True)
class Column:
    """`spare`: where the terminal is too narrow for all, those above 0 are left out, the highest first."""

    title: str
    look: Look = Look.TEXT
    spare: int = 0

    @property
    def is_number(self) -> bool:
        return self.look in {Look.MONEY, Look.CHANGE, Look.NUMBER}


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows under columns; `empty` is what to say when there are none."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[object]]
    empty: str = "nothing yet"
    notes: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: object
    look: Look = Look.TEXT


def show(*parts: Listing | Sequence[Fact], heading: str = "") -> None:
    """Print to standard output."""
    if sys.stdout.isatty():
        _show_rich(parts, heading)
    else:
        click.echo("\n\n".join(plain(part) for part in parts))


def plain(part: Listing | Sequence[Fact]) -> str:
    """Without colour, boxes or shortening: for a pipe, a log, a screen reader."""
    if not isinstance(part, Listing):
        return _aligned([[fact.label, _plain_cell(fact.value, fact.look)] for fact in part], {0, 1})
    if not part.rows:
        return part.empty
    header = [column.title.upper() for column in part.columns]
    left = {at for at, column in enumerate(part.columns) if not column.is_number}
    rows = [
        [_plain_cell(cell, column.look) for cell, column in zip(row, part.columns, strict=True)] for row in part.rows
    ]
    table = _aligned([header, *rows], left)
    return "\n".join([table, *part.notes])


def _plain_cell(value: object, look: Look) -> str:
    return moment(value).replace(" ", "T") if look is Look.TIME and value else raw(value)


def raw(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())


def _aligned(rows: Sequence[Sequence[str]], left: set[int]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at in left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _show_rich(parts: Iterable[Listing | Sequence[Fact]], heading: str) -> None:
    from rich.console import Console  # noqa: PLC0415 -- a tenth of a second that pipes and --help need not pay
    from rich.panel import Panel  # noqa: PLC0415

    console = Console(highlight=False)
    for part in parts:
        if isinstance(part, Listing):
            console.print(rich_table(part, console.width))
            for note in part.notes:
                console.print(note, style="dim")
        else:
            console.print(Panel(_rich_facts(part), title=heading, title_align="left", border_style="dim", expand=False))


def _rich_facts(facts: Sequence[Fact]) -> "RenderableType":
    from rich.table import Table  # noqa: PLC0415

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for fact in facts:
        grid.add_row(fact.label, dressed(fact.value, fact.look))
    return grid


def rich_table(listing: Listing, width: int) -> "RenderableType":
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    if not listing.rows:
        return f"[dim]{listing.empty}[/dim]"
    today = datetime.now(UTC).date()
    cells = [
        [dressed(cell, column.look, today) for cell, column in zip(row, listing.columns, strict=True)]
        for row in listing.rows
    ]
    shown = fitting(listing.columns, [[cell.plain for cell in row] for row in cells], width)
    table = Table(box=box.SIMPLE_HEAD, header_style="bold")
    for column in (listing.columns[at] for at in shown):
        # Nothing is cut short: a number would be wrong, a name could not be typed. Texts give way first, and wrap.
        justify: Literal["right", "left"] = "right" if column.is_number else "left"
        table.add_column(column.title, justify=justify, no_wrap=column.is_number, overflow="fold")
    for row in cells:
        table.add_row(*(row[at] for at in shown))
    return table


def fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Which columns to show in `width` characters: all, or without the most spare ones."""
    shown = list(range(len(columns)))
    widths = [
        max(len(text) for text in (*column.title.split(), *texts))
        for column, texts in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    # The last column holds sentences, which may wrap.
    widths[-1] = min(widths[-1], WRAPS_AT)
    while sum(widths[at] + CELL_PADDING for at in shown) > width:
        at = max(shown, key=lambda at: columns[at].spare)
        if columns[at].spare == 0:
            break
        shown.remove(at)
    return shown


def dressed(value: object, look: Look, today: date | None = None) -> "Text":
    """`value` as a person reads it, coloured by what it means; a time of `today` without its date."""
    from rich.text import Text  # noqa: PLC0415

    if value is None or value == "":
        return Text(NONE, style="dim")
    match look:
        case Look.STATE:
            return Text(raw(value), style=STYLES.get(str(value).lower(), ""))
        case Look.MONEY:
            return Text(money(value))
        case Look.CHANGE:
            return Text(money(value, sign=True), style=_change_style(value))
        case Look.TIME:
            return Text(moment(value).removeprefix(f"{today} "))
        case _:
            return Text(raw(value))


def money(value: object, *, sign: bool = False) -> str:
    """Thousands apart, cents from 1 upward, else four significant digits; what is no number stays as it is."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return raw(value)
    if not amount.is_finite():
        return raw(value)
    plus = "+" if sign and amount > 0 else ""
    # Formatting rounds by the thread's context, which a library may have changed.
    with localcontext(rounding=ROUND_HALF_EVEN):
        if amount == 0 or abs(amount) >= 1:
            return f"{plus}{amount:,.2f}"
        return f"{plus}{amount:.{3 - amount.adjusted()}f}"


def _change_style(value: object) -> str:
    text = str(value).strip()
    if not text.strip("-+0."):
        return "dim"
    return "red" if text.startswith("-") else "green"


def moment(value: object) -> str:
    """`2026-11-22 17:11:32`, in UTC."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return raw(value)
    return (at.astimezone(UTC) if at.tzinfo else at).strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: object) -> str:
    """`32 s`, `4 min`, `3 h`, `2 d`."""
    if not isinstance(seconds, int | float):
        return raw(seconds)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def sparkline(values: Sequence[Decimal]) -> str:
    """A curve in one line; a flat one is drawn low."""
    if not values:
        return ""
    low, span = min(values), max(values) - min(values)
    return "".join(SPARKS[int((value - low) / span * (len(SPARKS) - 1)) if span else 0] for value in values)
