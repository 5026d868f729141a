"""Train: a dense network by hand-written backprop, in the order in which it is best read.

`parameter` (value, gradient, mask) → `layers` → `activations` → `losses` → `penalties` → `learning_rates` →
`optimizers` → `network` → `history` → `hooks` (who gets a word in) → `training` → `gradcheck`. This package knows that
a parameter has a mask and obeys it; it knows nothing of how masks are chosen.
"""
