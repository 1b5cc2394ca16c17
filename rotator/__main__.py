"""Entry point of the `rotator` command; answers `--version` before anything is imported."""

import sys

from rotator import __version__


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        print(f"rotator {__version__}", flush=True)
        return 0
    # Imports make many objects and no garbage: looking for some costs a tenth of the start (benchmarks/startup.py).
    import gc

    gc.set_threshold(50_000)
    from rotator.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
