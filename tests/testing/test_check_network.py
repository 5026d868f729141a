"""What the laws of a network as a value say of each way to break them."""

import numpy as np
from told import rows_of

from minprune.testing import Case, Framework, network
from minprune.testing.checks.network import REFUSALS
from minprune.testing.framework import set_mask, train

COMPONENT = "network"
NET = network(
    [np.array([[1.0, -2.0], [0.5, 3.0]], np.float32), np.ones((2, 1), np.float32)],
    biases=[np.ones(2, np.float32), None],
)


def touches(function):
    """Write to the network before a function is called."""

    def wrong(net, *args, **options):
        net.dense[0].weight.grad[...] = 5
        return function(net, *args, **options)

    return wrong


def says_all(net, *args, **options):
    shown = [
        a.tolist() if isinstance(a, np.ndarray) else (a[0].tolist(), a[1]) if isinstance(a, tuple) else a for a in args
    ]
    kinds = [getattr(a, "dtype", "") for a in args]
    raise RuntimeError(f"{type(net).__name__} {shown} {kinds} { ({k: type(v).__name__ for k, v in options.items()}) }")


def accepts(net, *args, **options):
    return None


def alias(part, name="dense1.weight"):
    """Return a copy that shares one array of a parameter."""

    def copy(net):
        twin = net.copy()
        setattr(twin.parameters[name], f"_{part}", getattr(net.parameters[name], f"_{part}"))
        return twin

    return copy


def other(net):
    twin = net.copy()
    twin.dense[0].weight.value[0, 0] = 9
    return twin


def same_layers(net):
    twin = net.copy()
    twin.layers = [twin.layers[0], net.layers[1], *twin.layers[2:]]
    return twin


ALL = Framework(set_mask=says_all, train=says_all, compact=says_all)
NONE = Framework(set_mask=accepts, train=accepts, compact=accepts)
TOUCH = Framework(set_mask=touches(set_mask), train=touches(train))

ROWS = [
    *(
        ("refused_unchanged", f"as it should be, {call}", Framework(), Case(network=NET, call=call))
        for call in REFUSALS
    ),
    *(("refused_unchanged", f"what is called, {call}", ALL, Case(network=NET, call=call)) for call in REFUSALS),
    *(("refused_unchanged", f"no refusal, {call}", NONE, Case(network=NET, call=call)) for call in REFUSALS),
    *(
        ("refused_unchanged", f"the network is touched, {call}", TOUCH, Case(network=NET, call=call))
        for call in list(REFUSALS)[:-1]
    ),
    ("copy_is_deep", "as it should be", Framework(), Case(network=NET)),
    ("copy_is_deep", "the same", Framework(copy=lambda net: net), Case(network=NET)),
    ("copy_is_deep", "another", Framework(copy=other), Case(network=NET)),
    ("copy_is_deep", "a layer is shared", Framework(copy=same_layers), Case(network=NET)),
    *(
        ("copy_is_deep", f"a {part} is shared", Framework(copy=alias(part)), Case(network=NET))
        for part in ("value", "grad", "mask")
    ),
    ("copy_is_deep", "the bias's value is shared", Framework(copy=alias("value", "dense1.bias")), Case(network=NET)),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
