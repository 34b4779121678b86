"""Which strategies there are, what they take, and what they refuse.

Standard library only: the API imports this module, and must not load numpy, pandas or ta.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from shared.domain.errors import InvalidField

Value = int | float | str | None
Params = Mapping[str, Value]
Kind = Literal["int", "float", "choice"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of a strategy; bounds are inclusive. An optional one may be null, and is by default."""

    name: str
    kind: Kind
    default: Value
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    description: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class StrategySpec:
    """A strategy as users see it: `name` is what they send, `buy` and `sell` are sentences."""

    name: str
    title: str
    description: str
    buy: str
    sell: str
    parameters: tuple[Parameter, ...]

    def parameter(self, name: str) -> Parameter:
        return next(each for each in self.parameters if each.name == name)


def _whole(name: str, default: int, minimum: int, maximum: int, description: str) -> Parameter:
    return Parameter(name, "int", default, minimum, maximum, description=description)


def _number(name: str, default: float, minimum: float, maximum: float, description: str) -> Parameter:
    return Parameter(name, "float", default, minimum, maximum, description=description)


def _percent(name: str, maximum: float, description: str) -> Parameter:
    return Parameter(name, "float", None, 0.01, maximum, description=description, optional=True)


# A stop of 100 % or more could never be hit: the price would have to reach zero.
EXITS = (
    _percent("stop_loss_pct", 99.99, "Closes the position this many percent below its entry price."),
    _percent("take_profit_pct", 10_000.0, "Closes the position this many percent above its entry price."),
    _percent("trailing_stop_pct", 99.99, "Closes the position this many percent below its highest price since entry."),
)
EXIT_NAMES = frozenset(parameter.name for parameter in EXITS)

# The upper bounds of periods keep every warm-up within 1,000 candles, what a venue answers in one call.
_MA_CROSSOVER = StrategySpec(
    "MACrossoverStrategy",
    "Moving average crossover",
    "Follows the trend: compares a fast moving average of closes with a slow one.",
    "The fast average crosses above the slow one.",
    "The fast average crosses below the slow one.",
    (
        _whole("fast_period", 10, 2, 199, "Candles in the fast average."),
        _whole("slow_period", 30, 3, 200, "Candles in the slow average."),
        Parameter(
            "ma_type",
            "choice",
            "sma",
            choices=("sma", "ema"),
            description="Simple (every candle weighs the same) or exponential (recent candles weigh more).",
        ),
        *EXITS,
    ),
)
_RSI = StrategySpec(
    "RSIStrategy",
    "Relative strength index",
    "Reverts to the mean: buys what has fallen hard and sells what has risen hard.",
    "The RSI is below `oversold`.",
    "The RSI is above `overbought`.",
    (
        _whole("rsi_period", 14, 2, 100, "Candles over which gains and losses are averaged (Wilder's smoothing)."),
        _number("oversold", 30.0, 1.0, 98.0, "RSI below which to buy."),
        _number("overbought", 70.0, 2.0, 99.0, "RSI above which to sell."),
        *EXITS,
    ),
)
_GRID = StrategySpec(
    "GridTradingStrategy",
    "Grid",
    "Trades a range: half the levels lie below an anchor price and half above, each the same distance apart.",
    "The close falls through lower levels: one lot for each.",
    "The close rises through levels: one lot for each.",
    (
        _whole("grid_levels", 10, 2, 100, "Levels in all, an even number: half below the anchor, half above."),
        _number("grid_spacing_pct", 1.0, 0.01, 49.0, "Distance between levels, in percent of the anchor price."),
        Parameter(
            "anchor_price",
            "float",
            None,
            1e-12,
            1e12,
            description="The middle of the grid; without it, the close of the first closed candle, then kept.",
            optional=True,
        ),
        *EXITS,
    ),
)
_MOMENTUM = StrategySpec(
    "MomentumStrategy",
    "Momentum breakout",
    "Follows breakouts of the recent range that come with high volume.",
    "The close is above the highest high of the previous candles, with high volume.",
    "The close is below the lowest low of the previous candles, with high volume.",
    (
        _whole("lookback_period", 20, 2, 250, "Previous candles that form the range and the mean volume."),
        _number("volume_threshold", 1.5, 0.01, 1_000.0, "How many times the mean volume counts as high."),
        *EXITS,
    ),
)
_MACD_BOLLINGER = StrategySpec(
    "MACDBollingerStrategy",
    "MACD and Bollinger bands",
    "Buys and sells turns of momentum that happen at the edge of the usual price range.",
    "The MACD crosses above its signal line and a low has just touched the lower Bollinger band.",
    "The MACD crosses below its signal line and a high has just touched the upper Bollinger band.",
    (
        _whole("macd_fast", 12, 2, 99, "Candles in the fast average of the MACD."),
        _whole("macd_slow", 26, 3, 100, "Candles in the slow average of the MACD."),
        _whole("macd_signal", 9, 2, 50, "Candles in the signal line, an average of the MACD."),
        _whole("bb_period", 20, 2, 200, "Candles in the Bollinger bands."),
        _number("bb_std", 2.0, 0.1, 10.0, "Distance of the bands from their middle, in standard deviations."),
        _whole("touch_lookback", 3, 1, 50, "Closed candles within which the touch counts; 1 is the same candle."),
        *EXITS,
    ),
)
_SPECS = {spec.name: spec for spec in (_MA_CROSSOVER, _RSI, _GRID, _MOMENTUM, _MACD_BOLLINGER)}


def available() -> tuple[StrategySpec, ...]:
    return tuple(_SPECS.values())


def spec(name: str) -> StrategySpec:
    """The strategy called `name`; raises InvalidField("strategy_name") with the nearest names."""
    if isinstance(name, str) and name in _SPECS:
        return _SPECS[name]
    near = _near(str(name), _SPECS)
    raise InvalidField("strategy_name", f"no strategy is called {_shown(name)}; {_suggestion(near, _SPECS)}", near)


def validated(name: str, params: Mapping[str, Any]) -> dict[str, Value]:
    """Every parameter of the strategy, defaults filled in; numbers are of the parameter's own kind.

    Raises InvalidField naming `strategy_name` or `params.<key>`. Its own result passes unchanged.
    """
    found = spec(name)
    if not isinstance(params, Mapping):
        raise InvalidField("params", "must be an object of parameter names and values")
    _refuse_unknown(found, params)
    values = {each.name: _value(each, params.get(each.name, each.default)) for each in found.parameters}
    for rule in _RULES.get(name, ()):
        rule(values, params)
    return values


def key(name: str, params: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that are equal for two subscriptions exactly when they can share one evaluation.

    The stops are left out: they watch a position and don't change a signal.
    """
    values = {each: value for each, value in validated(name, params).items() if each not in EXIT_NAMES}
    canonical = json.dumps([name, values], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _refuse_unknown(found: StrategySpec, params: Mapping[str, Any]) -> None:
    names = [each.name for each in found.parameters]
    for sent in params:
        if sent not in names:
            near = _near(str(sent), names)
            message = f"{found.name} has no such parameter; {_suggestion(near, names)}"
            raise InvalidField(f"params.{str(sent)[:40]}", message, near)


def _value(parameter: Parameter, sent: Any) -> Value:
    if sent is None and parameter.optional:
        return None
    if parameter.kind == "choice":
        return _chosen(parameter, sent)
    # bool is an int to Python, and is never what a user means by a number.
    if isinstance(sent, bool) or not isinstance(sent, int | float) or not _within(parameter, sent):
        raise _refusal(parameter, sent)
    if parameter.kind == "float":
        return float(sent)
    if sent != int(sent):
        raise _refusal(parameter, sent)
    return int(sent)


def _within(parameter: Parameter, sent: float) -> bool:
    """False for NaN too, which compares as false with everything."""
    low = -math.inf if parameter.minimum is None else parameter.minimum
    high = math.inf if parameter.maximum is None else parameter.maximum
    return low <= sent <= high


def _chosen(parameter: Parameter, sent: Any) -> str:
    if isinstance(sent, str) and sent in parameter.choices:
        return sent
    raise InvalidField(
        f"params.{parameter.name}",
        f"must be one of {', '.join(parameter.choices)}, not {_shown(sent)}",
        parameter.choices,
    )


def _refusal(parameter: Parameter, sent: Any) -> InvalidField:
    noun = "a whole number" if parameter.kind == "int" else "a number"
    bounds = f"from {parameter.minimum:.12g} to {parameter.maximum:.12g}"
    ending = " (or null for none)" if parameter.optional else ""
    return InvalidField(f"params.{parameter.name}", f"must be {noun} {bounds}{ending}, not {_shown(sent)}")


def _shown(sent: Any) -> str:
    """What was sent, as JSON would write it, cut short: it goes into messages and logs."""
    text = json.dumps(sent, default=str) if not isinstance(sent, int) or abs(sent) < 10**40 else "a huge number"
    return text if len(text) <= 40 else f"{text[:37]}..."


def _near(sent: str, names: Iterable[str]) -> list[str]:
    """What begins with `sent` (`RSI` means RSIStrategy, too short for a likeness), else what is like it."""
    by_lower = {name.lower(): name for name in names}
    begun = [name for lower, name in by_lower.items() if sent and lower.startswith(sent.lower())]
    return begun or [by_lower[each] for each in get_close_matches(sent.lower(), by_lower, cutoff=0.5)]


def _suggestion(near: Sequence[str], names: Iterable[str]) -> str:
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"


Rule = Callable[[Mapping[str, Any], Mapping[str, Any]], None]


def _below(lower: str, upper: str) -> Rule:
    """The rule that `lower` is less than `upper`; it blames the one that the user sent."""

    def rule(values: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        if values[lower] < values[upper]:
            return
        if upper in sent and lower not in sent:
            raise InvalidField(f"params.{upper}", f"must be more than {lower} ({values[lower]:g})")
        raise InvalidField(f"params.{lower}", f"must be less than {upper} ({values[upper]:g})")

    return rule


def _even_grid(values: Mapping[str, Any], _: Mapping[str, Any]) -> None:
    if values["grid_levels"] % 2:
        raise InvalidField("params.grid_levels", "must be even: half the levels lie below the anchor, half above")


def _grid_above_zero(values: Mapping[str, Any], _: Mapping[str, Any]) -> None:
    half = values["grid_levels"] // 2
    if half * values["grid_spacing_pct"] >= 100:
        message = f"must be less than {100 / half:.4g}: the lowest of {half} levels below the anchor must be above zero"
        raise InvalidField("params.grid_spacing_pct", message)


_RULES: Mapping[str, tuple[Rule, ...]] = {
    _MA_CROSSOVER.name: (_below("fast_period", "slow_period"),),
    _RSI.name: (_below("oversold", "overbought"),),
    _GRID.name: (_even_grid, _grid_above_zero),
    _MACD_BOLLINGER.name: (_below("macd_fast", "macd_slow"),),
}
