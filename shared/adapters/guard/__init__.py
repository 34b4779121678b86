"""The guard: a budget, a breaker and retries between us and a venue, shared by the whole fleet through Redis."""

from shared.adapters.guard.breaker_storage import breaker_key
from shared.adapters.guard.guard import Guard, build_guard
from shared.adapters.guard.lanes import Circuit, Lane, Refused

__all__ = ["Circuit", "Guard", "Lane", "Refused", "breaker_key", "build_guard"]
