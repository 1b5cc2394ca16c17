"""Entry point of the `rotator` command; answers `--version` before anything is imported."""

import os
import sys

from rotator import __version__


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        print(f"rotator {__version__}", flush=True)
        return 0
    # Imports make many objects and no garbage: looking for some costs a tenth of the start (benchmarks/startup.py).
    import gc

    gc.set_threshold(100_000)
    from rotator.cli import run

    try:
        code = run(sys.argv[1:])
    except Exception:  # noqa: BLE001 - a fault of rotator itself; its threads must not hold the process either
        import traceback

        traceback.print_exc()
        code = 1
    # Everything is written by now. A thread that still waits for an answer would hold the process until its time-out,
    # and taking the interpreter apart takes a third as long as all the rest (benchmarks/startup.py).
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
