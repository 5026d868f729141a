"""Bad input to what measuring returns and a user may build as well: maps of where pruning pays, replays."""

from dataclasses import replace

import numpy as np
from bad_world import POSITIVE, TYPE, VALUE, each, rows, whole

import minprune as mp
from minprune.study.frontier import Cell
from minprune.study.replay import Highest
from minprune.study.serving import Served
from minprune.study.timing import Blas

HERE = Blas("a BLAS", 1, "processor count")
HALF, MOST = (Cell(8, "Neurons", level, 1) for level in (0.5, 0.9))


def _map(cells=(HALF, MOST), depth=3, blas=HERE):
    return mp.Breakeven(cells, depth, blas)


def _served(**change):
    times = np.ones(1)
    asked = {
        "rate": 1.0, "seconds": 1.0, "budget": 1.0, "served": {"a": Served(1.0, times, times, times, 2.0)},
        "highest": {"a": Highest(0.0, (), None)}, "blas": HERE, "_gaps": times,
    }  # fmt: skip
    return mp.Replay(**asked | change)


MAPS = [
    *each("Breakeven", "depth", whole(), lambda w, bad: _map(depth=bad)),
    *rows(
        "Breakeven",
        (lambda w: _map(3), TYPE, "cells must be a tuple with at least one entry, got 3 in Breakeven()"),
        (lambda w: _map([]), TYPE, "cells must be a tuple with at least one entry, got [] in Breakeven()"),
        (lambda w: _map(()), TYPE, "cells must be a tuple with at least one entry, got () in Breakeven()"),
        (lambda w: _map((HALF, "x")), TYPE, "cells[1] must be a Cell, got 'x' in Breakeven()"),
        (lambda w: _map(blas="openblas"), TYPE, "blas must be a Blas, got 'openblas' in Breakeven()"),
        (lambda w: _map((MOST, HALF)), VALUE,
         "cells of 3 × 8, Neurons, batch 1 must be of [0.5, 0.9] in turn, got [0.9, 0.5] in Breakeven()"),
        (lambda w: _map((HALF, HALF)), VALUE,
         "cells of 3 × 8, Neurons, batch 1 must be of [0.5] in turn, got [0.5, 0.5] in Breakeven()"),
        (lambda w: _map((HALF, MOST, replace(HALF, batch_size=16))), VALUE,
         "cells of 3 × 8, Neurons, batch 16 must be of [0.5, 0.9] in turn, got [0.5] in Breakeven()"),
    ),
]  # fmt: skip
REPLAYS = [
    *(row for name in ("rate", "seconds", "budget")
      for row in each("Replay", name, POSITIVE, lambda w, bad, name=name: _served(**{name: bad}))),
    *rows(
        "Replay",
        (lambda w: _served(served=3), TYPE, "served must be a dict with at least one entry, got 3 in Replay()"),
        (lambda w: _served(served={}), TYPE, "served must be a dict with at least one entry, got {} in Replay()"),
        (lambda w: _served(highest=[]), TYPE, "highest must be a dict with at least one entry, got [] in Replay()"),
        (lambda w: _served(served={"a": 3}), TYPE, "served must map names to Served, got 'a': 3 in Replay()"),
        (lambda w: _served(highest={"a": None}), TYPE, "highest must map names to Highest, got 'a': None in Replay()"),
        (lambda w: _served(highest={3: None}), TYPE, "highest must map names to Highest, got 3: None in Replay()"),
        (lambda w: _served(highest=dict.fromkeys("ab", Highest(0.0, (), None))), VALUE,
         "highest must be of the models of served, a, got a, b in Replay()"),
        (lambda w: _served(blas=None), TYPE, "blas must be a Blas, got None in Replay()"),
        (lambda w: _served(_gaps=[1.0]), TYPE, "_gaps must be an array with at least one entry, got [1.0] in Replay()"),
        (lambda w: _served(_gaps=np.ones(0)), TYPE,
         "_gaps must be an array with at least one entry, got array([], dtype=float64) in Replay()"),
        (lambda w: _served(_gaps=np.ones((1, 1))), TYPE,
         "_gaps must be an array with at least one entry, got array([[1.]]) in Replay()"),
    ),
]  # fmt: skip
