"""`python -m bench [NAME...]`: runs each benchmark of this folder, or those named, and lists what there is."""

import importlib
import pkgutil
import sys
import time


def names() -> list[str]:
    package = importlib.import_module("bench")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))


def main(wanted: list[str]) -> int:
    known = names()
    if unknown := [name for name in wanted if name not in known]:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known) or 'none yet'}", file=sys.stderr)
        return 2
    for name in wanted or known:
        print(f"== {name}", flush=True)
        began = time.perf_counter()
        importlib.import_module(f"bench.{name}").main()
        print(f"   took {time.perf_counter() - began:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
