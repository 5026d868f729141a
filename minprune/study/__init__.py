"""MEASURE: what a network holds, how well it serves, and how long it takes, before pruning and after.

Read in this order: `complexity` (with `paths` and `activity`) · `evaluation` (with `ranking`) · `timing` · `comparison`
· `breakeven` (with `frontier`) · `replay` (with `queueing`, `serving` and `rates`) · `sweep` (with `runs`, `stages`,
`controls`, `manifest` and `records`) · `plots` (with `charts`, `curves`, `payoff`, `waiting` and `drawing`) · `report`
· `story` · `demo` · `page` · `bench`.
"""
