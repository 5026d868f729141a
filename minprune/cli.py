"""The command line: ``minprune demo`` runs the five steps on real data, ``minprune bench`` measures what they bring.

A command is a function of the parsed options that returns an exit code, and a parser that names it with
``set_defaults(run=…)``. What it needs is imported inside, since NumPy's BLAS reads its number of threads at import.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from minprune import __version__
from minprune.display import duration
from minprune.errors import InvalidValueError, MinpruneError

INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended
_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")
_PATTERNS = {  # what a pattern is called here: the class, and how its numbers are written
    "Unstructured": r"unstructured",
    "NM": r"nm(\d+):(\d+)",
    "Vectors": r"vectors(\d+)",
    "Blocks": r"blocks(\d+)x(\d+)",
    "Neurons": r"neurons",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 it can't be done as asked, 130 interrupted."""
    # What is written is read by people everywhere, also where the terminal's encoding is not UTF-8.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        return code
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
    return _done(page.write(story, options.out), began)


def _bench(options: argparse.Namespace) -> int:
    if options.threads is not None:
        if "numpy" in sys.modules:
            raise InvalidValueError("threads must be set before NumPy is imported; start minprune from a shell")
        os.environ.update(dict.fromkeys(_THREADS, str(options.threads)))
    from minprune.study import bench, page

    began = time.perf_counter()
    page.check_folder(options.out)
    network = None
    if options.model is not None:
        from minprune.storage import load

        network = load(options.model)
    paths = bench.run(
        network,
        name=options.model or "",
        widths=options.widths,
        sparsities=options.sparsities,
        batch_sizes=options.batch_sizes,
        chosen=options.patterns,
        seconds=options.seconds,
        out=options.out,
    )
    return _done(paths, began)


def _laws(options: argparse.Namespace) -> int:
    from minprune.testing.laws import laws_table

    print(laws_table(group=options.group))
    return 0


def _done(paths: Sequence[object], began: float) -> int:
    print(f"\nDone in {duration(time.perf_counter() - began)}. Look at {' and '.join(str(path) for path in paths)}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="minprune", description="Neural-network pruning in plain NumPy: train, prune, pack and measure."
    )
    parser.add_argument("--version", action="version", version=f"minprune {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_bench(commands)
    laws = commands.add_parser("laws", help="the laws of pruning", description="Print the laws that pruning must obey.")
    laws.set_defaults(run=_laws)
    laws.add_argument("group", nargs="?", help="only a group of them, such as Counting")
    return parser


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser(
        "demo",
        help="the five steps of pruning on real data, with a report",
        description="Train a dense network on real data, prune it by the five steps, pack it, show what it brought.",
    )
    demo.set_defaults(run=_demo)
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


def _add_bench(commands: Any) -> None:
    bench = commands.add_parser(
        "bench",
        help="what pruning brings on this machine: times, and a map of where it pays",
        description="Measure where a pruned network is faster than a dense one on this machine, and draw the map. With "
        "a MODEL, time its program beside the dense network it came from, and map its own widths.",
    )
    bench.set_defaults(run=_bench)
    bench.add_argument("model", nargs="?", metavar="MODEL", help="a file that minprune.save wrote (.safetensors)")
    bench.add_argument(
        "--widths", type=_list(_width), metavar="W,…", help="256: three layers of it; 784-300-10: inputs to outputs "
        "(default: 256,1024, or those of MODEL)",
    )  # fmt: skip
    bench.add_argument(
        "--sparsities",
        type=_list(_sparsity),
        default="0.5,0.8,0.9,0.95,0.99",
        metavar="S,…",
        help="default: %(default)s",
    )
    bench.add_argument(
        "--batch-sizes", type=_list(_whole(1)), default="1,16,256", metavar="B,…", help="default: %(default)s"
    )
    bench.add_argument(
        "--patterns", type=_list(_pattern), default="unstructured,vectors64,neurons", metavar="P,…",
        help="of unstructured, nm2:4, vectors64, blocks4x4, neurons, with numbers of your own (default: %(default)s)",
    )  # fmt: skip
    bench.add_argument(
        "--seconds",
        type=_seconds,
        default=0.15,
        help="for each program at each place of the map (default: %(default)s)",
    )
    bench.add_argument(
        "--threads", type=_whole(1), help="of the BLAS; on a busy machine take 1 (default: the BLAS's own)"
    )
    bench.add_argument(
        "--out", default="minprune-bench", metavar="DIR", help="where map and figures go (default: %(default)s)"
    )


def _sparsity(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be a fraction in [0, 1), got {text!r}; for 90 % say 0.9")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, got {text!r}")
    return value


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, got {text!r}")
        return int(text)

    return parse


def _width(text: str) -> int | tuple[int, ...]:
    widths = tuple(_whole(1)(part) for part in text.split("-"))
    return widths if len(widths) > 1 else widths[0]


def _pattern(text: str) -> tuple[str, tuple[int, ...]]:
    for name, form in _PATTERNS.items():
        found = re.fullmatch(form, text)
        if found:
            return name, tuple(int(number) for number in found.groups())
    raise argparse.ArgumentTypeError(
        f"must be patterns such as unstructured, nm2:4, vectors64, blocks4x4 and neurons, got {text!r}"
    )


def _list(one: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    return lambda text: [one(part.strip()) for part in text.split(",")]
