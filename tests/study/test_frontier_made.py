"""A map that is made by hand is one that could have been measured."""

from dataclasses import replace

import pytest

from minprune.errors import MinpruneError
from minprune.study.frontier import Breakeven, Cell
from minprune.study.timing import Blas

HERE = Blas("a BLAS", 1, "processor count")
HALF, MOST = (Cell(8, "Neurons", level, 1) for level in (0.5, 0.9))
OTHER = Cell((8, 2), "NM(2, 4)", 0.5, 1)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((3, 3, HERE), "cells must be a tuple with at least one entry, got 3 in Breakeven()"),
        (([HALF], 3, HERE), f"cells must be a tuple with at least one entry, got [{HALF!r}] in Breakeven()"),
        (((), 3, HERE), "cells must be a tuple with at least one entry, got () in Breakeven()"),
        (((HALF, None), 3, HERE), "cells[1] must be a Cell, got None in Breakeven()"),
        (((HALF,), 0, HERE), "depth must be at least 1, got 0 in Breakeven()"),
        (((HALF,), 1.0, HERE), "depth must be a whole number, got float 1.0 in Breakeven()"),
        (((HALF,), 3, "a BLAS"), "blas must be a Blas, got 'a BLAS' in Breakeven()"),
        (((MOST, HALF), 3, HERE),
         "cells of 3 × 8, Neurons, batch 1 must be of [0.5, 0.9] in turn, got [0.9, 0.5] in Breakeven()"),
        (((HALF, HALF), 2, HERE),
         "cells of 2 × 8, Neurons, batch 1 must be of [0.5] in turn, got [0.5, 0.5] in Breakeven()"),
        (((HALF, MOST, replace(MOST, batch_size=16)), 3, HERE),
         "cells of 3 × 8, Neurons, batch 16 must be of [0.5, 0.9] in turn, got [0.9] in Breakeven()"),
        (((HALF, OTHER, replace(OTHER, sparsity=0.4)), 3, HERE),
         "cells of 8-2, NM(2, 4), batch 1 must be of [0.4, 0.5] in turn, got [0.5, 0.4] in Breakeven()"),
    ],
)  # fmt: skip
def test_what_can_not_have_been_measured_is_refused(parts, text):
    with pytest.raises(MinpruneError) as refused:
        Breakeven(*parts)
    assert str(refused.value) == text


def test_each_network_may_have_sparsities_of_its_own():
    assert len(Breakeven((HALF, MOST, OTHER), 1, HERE).rows()) == 2
