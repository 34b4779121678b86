"""The table at the end: what was done to the system, how often, and what came of it."""

from dataclasses import dataclass, field


@dataclass
class Figures:
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, fault: str, count: int | str, result: str) -> None:
        self.rows.append((fault, str(count), result))

    def table(self) -> list[str]:
        """As the documents have it."""
        lines = [f"| {' | '.join(row)} |" for row in self.rows]
        return ["| fault | count | result |", "|---|---|---|", *lines] if lines else []
