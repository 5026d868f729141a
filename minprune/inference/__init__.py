"""Run: pruned networks packed so that they really take less time and memory, in the order in which it is best read.

`csr` (keep the weights that are left, and where they are) → `product` (multiply by them) → `compaction` (fold away what
is dead) → `kernels` (ways to compute one layer) → `tuning` (which is the fastest here) → `step` (one layer, from kernel
to activation) → `program` (all of them, compiled).
"""
