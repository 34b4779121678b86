"""Whatever a user sends, the catalogue answers with every parameter or with the field to correct."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidField
from strategies import registry
from strategies.catalogue import EXIT_NAMES, available, key, validated

SPECS = st.sampled_from(available())
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.integers(1, 60), st.floats(0.1, 80), st.text(max_size=9)
)
SENT = SPECS.flatmap(
    lambda spec: st.tuples(
        st.just(spec),
        st.dictionaries(st.sampled_from([each.name for each in spec.parameters]) | st.text(max_size=5), ANYTHING),
    )
)


def answer(name: str, params: dict[str, Any]) -> dict[str, Any] | InvalidField:
    try:
        return validated(name, params)
    except InvalidField as refusal:
        return refusal


@given(SENT)
def test_parameters_come_out_whole_or_with_the_field_to_correct(sent: tuple[Any, dict[str, Any]]) -> None:
    spec, params = sent
    values = answer(spec.name, params)
    if isinstance(values, InvalidField):
        assert values.field.startswith("params.")
        return
    assert list(values) == [each.name for each in spec.parameters]
    assert validated(spec.name, values) == values
    for each in spec.parameters:
        value = values[each.name]
        if isinstance(value, int | float):
            assert math.isfinite(value)
            assert each.minimum <= value <= each.maximum
    assert registry.build(spec.name, values).warm_up >= 2


@given(SPECS, st.sampled_from(sorted(EXIT_NAMES)), st.floats(0.01, 99.99))
def test_stops_change_no_key(spec: Any, name: str, percent: float) -> None:
    assert key(spec.name, {name: percent}) == key(spec.name, {})


@given(SPECS, st.integers(2, 60), st.integers(2, 60))
def test_keys_are_equal_exactly_when_parameters_are(spec: Any, one: int, other: int) -> None:
    name = next(each.name for each in spec.parameters if each.kind == "int")
    try:
        first, second = key(spec.name, {name: one}), key(spec.name, {name: other})
    except InvalidField:
        return
    assert (first == second) == (one == other)
