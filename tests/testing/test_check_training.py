"""What the laws of training say of each way to break them."""

import numpy as np
from told import rows_of

import minprune as mp
from minprune.testing import Case, Framework, network
from minprune.testing.framework import gradients, ticket, train

COMPONENT = "training"
NET = network(
    [np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[1.0, 2.0], [-1.0, 0.5]])],
    biases=[np.array([0.5, 1.0]), None],
    activation="tanh",
)
PRUNED = network([np.array([[1.0, -2.0], [0.5, 3.0]])], masks=[np.array([[True, False], [True, True]])])
X, Y = np.array([[1.0, 2.0], [0.5, -1.0], [0.25, 1.0]]), np.array([0, 1, 1])
SINGLE = network([np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)])
CASE = Case(network=NET, x=X, y=Y, seed=2)
MASKED = Case(network=PRUNED, x=X, y=Y, seed=2)
STEEP = Case(network=network([np.array([[1.0, -2.0], [0.5, 3.0]])]), x=1e3 * X, y=np.array([1, 0, 1]), seed=2)

CERTAIN = Case(network=network([np.array([[1.0], [-2.0]])]), x=X, y=0 * Y, seed=2)  # of one class: the loss is flat


def adds(name, at, more):
    def wrong(net, loss, x, y):
        found = gradients(net, loss, x, y)
        found[name][at] += more
        return found

    return Framework(gradients=wrong)


def shifted(net, name="dense2.weight"):
    net.parameters[name].value += 1
    return net


def train_if(test):
    """Train to something else where a test says so of the options."""

    def wrong(net, data, **options):
        trained = train(net, data, **options)
        return shifted(trained) if test(options) else trained

    return Framework(train=wrong)


class Nth:
    """Train to something else the n-th time."""

    __name__ = "Nth"

    def __init__(self, n):
        self.n = n

    def __call__(self, net, data, **options):
        self.n -= 1
        trained = train(net, data, **options)
        return trained if self.n else shifted(trained)


def says(net, data, **options):
    masks = options.get("masks")
    raise RuntimeError(
        f"{data[0].tolist()} {data[1].tolist()} {options['seed']} {type(options['loss']).__name__} {masks}"
    )


def says_masks(net, data, **options):
    if options.get("masks"):
        says(net, data, **options)
    return train(net, data, **options)


def ticket_with(change):
    return Framework(ticket=lambda net, data, **options: change(ticket(net, data, **options)))


KEPT = mp.SGD(1e-30, momentum=0.5)


def with_state(net):
    mp.fit(net, (X, Y), loss=mp.SoftmaxCrossEntropy(), optimizer=KEPT, epochs=1, batch_size=3, rng=0, progress=False)
    return net


def writes_original(net, data, **options):
    found = ticket(net, data, **options)
    shifted(net)
    return found


def ticket_says(net, data, **options):
    return says(net, data, **options)


ROWS = [
    ("masked_gradient", "as it should be", Framework(), CASE),
    ("masked_gradient", "as it should be, pruned", Framework(), MASKED),
    ("masked_gradient", "as it should be, steep", Framework(), STEEP),
    ("masked_gradient", "a slope off", adds("dense1.weight", (0, 1), 0.5), CASE),
    ("masked_gradient", "a slope off of the bias", adds("dense1.bias", 1, -0.5), CASE),
    ("masked_gradient", "a slope off of the second", adds("dense2.weight", (1, 1), 1e-5), CASE),
    ("masked_gradient", "a rounding error", adds("dense2.weight", (1, 1), 5e-8), CASE),
    ("masked_gradient", "a slope off by what it may be", adds("dense1.weight", (0, 0), 1e-6), CERTAIN),
    ("masked_gradient", "a slope off by more than it may be", adds("dense1.weight", (0, 0), 1.5e-6), CERTAIN),
    ("masked_gradient", "a slope where it is pruned", adds("dense1.weight", (0, 1), 0.5), MASKED),
    ("masked_gradient", "a steep slope off in proportion", adds("dense1.weight", (1, 1), 1e-4), STEEP),
    ("masked_gradient", "a steep slope off by more", adds("dense1.weight", (1, 1), 0.1), STEEP),
    ("ones_is_dense", "as it should be", Framework(), CASE),
    ("ones_is_dense", "what it is called with", Framework(train=says), CASE),
    ("ones_is_dense", "what it is called with, masks", Framework(train=says_masks), CASE),
    ("ones_is_dense", "masks change it", train_if(lambda options: options.get("masks")), CASE),
    ("seed_repeats", "as it should be", Framework(), CASE),
    ("seed_repeats", "what it is called with", Framework(train=says), CASE),
    ("seed_repeats", "another the second time", Framework(train=Nth(2)), CASE),
    ("rewind_exact", "as it should be", Framework(), CASE),
    ("rewind_exact", "as it should be, in float32", Framework(), Case(**{**vars(CASE), "network": SINGLE})),
    ("rewind_exact", "what it is called with", Framework(ticket=ticket_says), CASE),
    ("rewind_exact", "the original is written to", Framework(ticket=writes_original), CASE),
    ("rewind_exact", "other values", ticket_with(lambda net: shifted(net, "dense1.bias")), CASE),
    ("rewind_exact", "values where it is pruned", ticket_with(shifted), CASE),
    ("rewind_exact", "states are left", ticket_with(with_state), CASE),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
