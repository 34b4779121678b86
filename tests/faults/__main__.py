"""Fault tests from the command line: `make test-faults`, or `python -m tests.faults --help`."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.faults.runs import COMPOSITIONS, Result, replay, run, run_spread

SEEDS = 10_000
SHOWN = 10


def main() -> int:
    asked = _parser().parse_args()
    if asked.seed is not None:
        return _show(run(asked.seed, asked.without, is_traced=True))
    return _run_many(asked.seeds, asked.first, asked.without, asked.processes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description="A fleet of workers and an API under seeded faults, in virtual time: production code over stores "
        "and a venue in memory. What must be true afterwards is told from the venue's dump and the record's rows.",
        epilog="It exits with 1 where an invariant was violated; each such seed comes with the command that shows it.",
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"how many runs (default {SEEDS})")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first seed (default 0)")
    parser.add_argument("--seed", type=int, metavar="SEED", help="run this one alone and print its timeline")
    parser.add_argument(
        "--without",
        choices=[name for name in COMPOSITIONS if name],
        default="",
        metavar="PART",
        help="with one part of the protocol missing, or changed: " + ", ".join(name for name in COMPOSITIONS if name),
    )
    parser.add_argument("--processes", type=int, metavar="N", help="how many at once (default: one for each core)")
    return parser


def _show(result: Result) -> int:
    print("\n".join(result.trace))
    print()
    for violated in result.violated:
        print(violated)
    print("no violation" if not result.violated else f"{len(result.violated)} violations", f"with seed {result.seed}")
    return int(bool(result.violated))


def _run_many(seeds: int, first: int, without: str, processes: int | None) -> int:
    began, counts, failed = time.monotonic(), Counter[str](), 0
    for result in _with_progress(run_spread(range(first, first + seeds), without, processes), seeds):
        counts += result.counts
        if result.violated:
            failed += 1
            if failed <= SHOWN:
                _tell(result, without)
    if failed > SHOWN:
        print(f"… and {failed - SHOWN} more seeds")
    print(f"{seeds} seeds in {time.monotonic() - began:.0f} s, {failed} with violations")
    print(", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda each: -each[1])))
    return int(failed > 0)


def _tell(result: Result, without: str) -> None:
    print(f"seed {result.seed}: {replay(result.seed, without)}")
    for violated in result.violated[:3]:
        print(f"  {violated[:300]}")


def _with_progress(results: Iterator[Result], total: int) -> Iterator[Result]:
    """One line that is written over, where somebody watches."""
    for done, result in enumerate(results, 1):
        if sys.stderr.isatty() and (done % 50 == 0 or done == total):
            print(f"\r{done} of {total} seeds", end="\n" if done == total else "", file=sys.stderr, flush=True)
        yield result


if __name__ == "__main__":
    sys.exit(main())
