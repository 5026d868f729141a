"""MEASURE: what a network holds, how well it serves, and how long it takes, before pruning and after.

Read in this order: `complexity` (with `paths`) · `evaluation` (with `ranking`) · `timing` · `comparison` · `plots`
(with `charts`, `payoff` and `drawing`) · `report` · `story` · `demo` · `page`.
"""
