"""The command line: ``minprune demo`` runs the five steps on real data and writes a report."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from minprune import __version__
from minprune.display import duration
from minprune.errors import MinpruneError

INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 it can't be done as asked, 130 interrupted."""
    # What is written is read by people everywhere, also where the terminal's encoding is not UTF-8.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    try:
        return _demo(options)
    except MinpruneError as error:
        print(f"minprune {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nminprune {options.command}: interrupted; no half-written file is left", file=sys.stderr)
        return INTERRUPTED


def _demo(options: argparse.Namespace) -> int:
    if "numpy" not in sys.modules:  # NumPy's BLAS reads this once
        # Small products gain nothing from a second thread, and wait for it for milliseconds on a machine that is busy.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from minprune.study import demo, page

    began = time.perf_counter()
    page.check_folder(options.out)  # before a minute is spent
    story = demo.run(
        options.data,
        criterion=options.criterion,
        pattern=options.pattern,
        sparsity=options.sparsity,
        seed=options.seed,
        epochs=options.epochs,
    )
    paths = page.write(story, options.out)
    print(f"\nDone in {duration(time.perf_counter() - began)}. Look at {' and '.join(str(path) for path in paths)}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="minprune", description="Neural-network pruning in plain NumPy: train, prune, pack and measure."
    )
    parser.add_argument("--version", action="version", version=f"minprune {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="the five steps of pruning on real data, with a report",
        description="Train a dense network on real data, prune it by the five steps, pack it, show what it brought.",
    )
    demo.add_argument("--data", choices=("credit", "mnist", "digits"), default="credit", help="default: %(default)s")
    demo.add_argument(
        "--criterion",
        choices=("magnitude", "gradient", "l1", "l2", "random"),
        default="magnitude",
        help="which weights go; l1 and l2 train with that penalty, then go by magnitude (default: %(default)s)",
    )
    demo.add_argument(
        "--pattern", choices=("unstructured", "neurons"), default="unstructured", help="default: %(default)s"
    )
    demo.add_argument(
        "--sparsity", type=_sparsity, default=0.9, help="share of weights that goes, in [0, 1) (default: 0.9)"
    )
    demo.add_argument("--seed", type=_whole(0), default=0, help="same seed, same figures (default: %(default)s)")
    demo.add_argument("--epochs", type=_whole(1), help="for each of the two trainings, instead of the recipe's")
    demo.add_argument(
        "--out", default="minprune-demo", metavar="DIR", help="where the report goes (default: %(default)s)"
    )
    return parser


def _sparsity(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be a fraction in [0, 1), got {text!r}; for 90 % say 0.9")
    return value


def _whole(least: int) -> type[int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, got {text!r}")
        return int(text)

    return parse  # type: ignore[return-value]  # argparse takes any function of a string


if __name__ == "__main__":
    sys.exit(main())
