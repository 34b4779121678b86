import subprocess
import sys
from typing import Any

import pytest

from shared.domain.errors import InvalidField
from strategies import registry
from strategies.catalogue import available, key, validated

NAMES = [each.name for each in available()]
NO_STOPS = {"stop_loss_pct": None, "take_profit_pct": None, "trailing_stop_pct": None}
DEFAULTS: list[tuple[str, dict[str, Any]]] = [
    ("MACrossoverStrategy", {"fast_period": 10, "slow_period": 30, "ma_type": "sma"}),
    ("RSIStrategy", {"rsi_period": 14, "oversold": 30.0, "overbought": 70.0}),
    ("GridTradingStrategy", {"grid_levels": 10, "grid_spacing_pct": 1.0, "anchor_price": None}),
    ("MomentumStrategy", {"lookback_period": 20, "volume_threshold": 1.5}),
    (
        "MACDBollingerStrategy",
        {"macd_fast": 12, "macd_slow": 26, "macd_signal": 9, "bb_period": 20, "bb_std": 2.0, "touch_lookback": 3},
    ),
]
REFUSED: list[tuple[str, dict[Any, Any], str]] = [
    ("MACrossoverStrategy", {"fast_period": 30, "slow_period": 10}, "params.fast_period"),
    ("MACrossoverStrategy", {"fast_period": 30}, "params.fast_period"),
    ("MACrossoverStrategy", {"slow_period": 10}, "params.slow_period"),
    ("MACrossoverStrategy", {"fast_period": 1}, "params.fast_period"),
    ("MACrossoverStrategy", {"fast_period": 0}, "params.fast_period"),
    ("MACrossoverStrategy", {"fast_period": -5}, "params.fast_period"),
    ("MACrossoverStrategy", {"fast_period": 10.5}, "params.fast_period"),
    ("MACrossoverStrategy", {"fast_period": "10"}, "params.fast_period"),
    ("MACrossoverStrategy", {"fast_period": True}, "params.fast_period"),
    ("MACrossoverStrategy", {"fast_period": None}, "params.fast_period"),
    ("MACrossoverStrategy", {"fast_period": [10]}, "params.fast_period"),
    ("MACrossoverStrategy", {"slow_period": 201}, "params.slow_period"),
    ("MACrossoverStrategy", {"slow_period": 10**400}, "params.slow_period"),
    ("MACrossoverStrategy", {"slow_period": float("inf")}, "params.slow_period"),
    ("MACrossoverStrategy", {"ma_type": "wma"}, "params.ma_type"),
    ("MACrossoverStrategy", {"ma_type": None}, "params.ma_type"),
    ("MACrossoverStrategy", {"ma_type": ["sma"]}, "params.ma_type"),
    ("MACrossoverStrategy", {"fast_perod": 10}, "params.fast_perod"),
    ("MACrossoverStrategy", {7: 10}, "params.7"),
    ("RSIStrategy", {"oversold": 70, "overbought": 70}, "params.oversold"),
    ("RSIStrategy", {"overbought": 20}, "params.overbought"),
    ("RSIStrategy", {"oversold": True}, "params.oversold"),
    ("MACDBollingerStrategy", {"touch_lookback": True}, "params.touch_lookback"),
    ("RSIStrategy", {"oversold": float("nan")}, "params.oversold"),
    ("RSIStrategy", {"oversold": float("-inf")}, "params.oversold"),
    ("RSIStrategy", {"overbought": 100}, "params.overbought"),
    ("RSIStrategy", {"rsi_period": 1}, "params.rsi_period"),
    ("GridTradingStrategy", {"grid_levels": 5}, "params.grid_levels"),
    ("GridTradingStrategy", {"grid_levels": 0}, "params.grid_levels"),
    ("GridTradingStrategy", {"grid_spacing_pct": 0}, "params.grid_spacing_pct"),
    ("GridTradingStrategy", {"grid_levels": 10, "grid_spacing_pct": 20}, "params.grid_spacing_pct"),
    ("GridTradingStrategy", {"anchor_price": 0}, "params.anchor_price"),
    ("GridTradingStrategy", {"anchor_price": float("nan")}, "params.anchor_price"),
    ("MomentumStrategy", {"lookback_period": 1}, "params.lookback_period"),
    ("MomentumStrategy", {"volume_threshold": -1}, "params.volume_threshold"),
    ("MACDBollingerStrategy", {"macd_fast": 26, "macd_slow": 26}, "params.macd_fast"),
    ("MACDBollingerStrategy", {"macd_signal": 1}, "params.macd_signal"),
    ("MACDBollingerStrategy", {"bb_std": False}, "params.bb_std"),
    ("MACDBollingerStrategy", {"touch_lookback": 0}, "params.touch_lookback"),
    ("RSIStrategy", {"stop_loss_pct": 0}, "params.stop_loss_pct"),
    ("RSIStrategy", {"stop_loss_pct": 100}, "params.stop_loss_pct"),
    ("RSIStrategy", {"trailing_stop_pct": 100}, "params.trailing_stop_pct"),
    ("RSIStrategy", {"take_profit_pct": -2}, "params.take_profit_pct"),
    ("RSIStrategy", {"take_profit_pct": "5"}, "params.take_profit_pct"),
]


@pytest.mark.parametrize(("name", "expected"), DEFAULTS)
def test_defaults_are_filled_in(name: str, expected: dict[str, Any]) -> None:
    assert validated(name, {}) == expected | NO_STOPS


@pytest.mark.parametrize(("name", "params", "field"), REFUSED)
def test_what_cannot_work_is_refused_by_the_name_of_its_field(name: str, params: dict[Any, Any], field: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        validated(name, params)

    assert refusal.value.field == field


def test_an_unknown_strategy_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(InvalidField) as refusal:
        validated("macrossover", {})

    assert refusal.value.field == "strategy_name"
    assert refusal.value.choices == ("MACrossoverStrategy",)


@pytest.mark.parametrize("name", ["zzzzzz", "", None, ["RSIStrategy"]])
def test_a_name_like_no_other_is_answered_with_all_of_them(name: Any) -> None:
    with pytest.raises(InvalidField, match="RSIStrategy") as refusal:
        validated(name, {})

    assert refusal.value.field == "strategy_name"


def test_the_beginning_of_a_name_is_answered_with_the_whole() -> None:
    with pytest.raises(InvalidField, match=r"did you mean RSIStrategy\?"):
        validated("rsi", {})


def test_an_unknown_parameter_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(InvalidField, match="did you mean grid_spacing_pct"):
        validated("GridTradingStrategy", {"grid_spacing": 1})


def test_parameters_that_are_no_object_are_refused() -> None:
    with pytest.raises(InvalidField) as refusal:
        validated("RSIStrategy", [("rsi_period", 14)])  # type: ignore[arg-type]

    assert refusal.value.field == "params"


def test_a_refusal_says_what_to_send_instead() -> None:
    with pytest.raises(InvalidField) as refusal:
        validated("RSIStrategy", {"rsi_period": "fourteen"})

    assert refusal.value.message == 'must be a whole number from 2 to 100, not "fourteen"'


def test_a_refused_value_is_cut_short_in_the_message() -> None:
    with pytest.raises(InvalidField) as refusal:
        validated("RSIStrategy", {"rsi_period": "x" * 1_000_000})

    assert len(refusal.value.message) < 120


def test_numbers_take_the_kind_of_their_parameter() -> None:
    values = validated("RSIStrategy", {"rsi_period": 7.0, "oversold": 20, "stop_loss_pct": 2})

    assert (values["rsi_period"], values["oversold"], values["stop_loss_pct"]) == (7, 20.0, 2.0)
    assert (type(values["rsi_period"]), type(values["oversold"])) == (int, float)


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_of_the_catalogue_can_be_built_and_warms_up_within_one_fetch(name: str) -> None:
    longest = {
        each.name: each.maximum
        for each in next(spec for spec in available() if spec.name == name).parameters
        if each.kind == "int" and each.name not in {"grid_levels"}
    }
    slowest = longest | ({"ma_type": "ema"} if name == "MACrossoverStrategy" else {})

    assert 2 <= registry.warm_up(name, {}) <= registry.warm_up(name, slowest) <= 1000


def test_the_key_ignores_stops_order_and_spelling_of_numbers() -> None:
    plain = key("RSIStrategy", {"rsi_period": 14, "oversold": 25})

    assert key("RSIStrategy", {"oversold": 25.0, "stop_loss_pct": 2, "trailing_stop_pct": 1}) == plain


def test_the_key_tells_parameters_and_strategies_apart() -> None:
    keys = {key(name, {}) for name in NAMES} | {key("RSIStrategy", {"rsi_period": 13})}

    assert len(keys) == len(NAMES) + 1


def test_the_key_is_the_same_in_every_release() -> None:
    assert key("RSIStrategy", {}) == "c83d033b5927421a"


def test_the_catalogue_loads_no_numerical_library() -> None:
    program = "import sys, strategies.catalogue; print({'numpy', 'pandas', 'ta'} & set(sys.modules))"

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)

    assert finished.stdout.strip() == "set()"
