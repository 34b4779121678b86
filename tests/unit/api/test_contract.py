"""The API against its own description: no answer breaks its schema, and nothing sent makes the server fail."""

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from tests.fakes import World
from tests.fakes_exchange import market

world = World()
world.markets.put("binance", [market("BTC/USDT"), market("ETH/USDT")])
app = create_app(world)
schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
# A stream has no end to wait for: it has tests of its own.
described = schema.exclude(path="/api/v1/events").exclude(path="/")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@described.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_every_answer_keeps_to_the_description(case: schemathesis.Case) -> None:
    world.state.beat("beat", "1", 10)
    world.liveness.record("w1", "orders", "relay")
    case.call_and_validate(checks=CHECKS)
