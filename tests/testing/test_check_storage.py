"""What the laws of files say of each way to break them."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from told import rows_of

from minprune.errors import MinpruneError, StorageError
from minprune.testing import Case, Framework, network
from minprune.testing.checks.storage import _damaged, _failing
from minprune.testing.framework import load, save

COMPONENT = "storage"
NET = network(
    [np.array([[1.0, -2.0], [0.5, 3.0]], np.float32), np.ones((2, 1), np.float32)],
    masks=[np.array([[True, False], [True, True]]), None],
)
OTHER = network([np.array([[5.0, 6.0]], np.float32)])
CASE = Case(network=NET)
DAMAGES = ("cut short", "with a flipped bit", "that goes on", "with a forged length")
FAULTS = ("write", "replace", "fsync")


def fault(name):
    return Case(network=NET, other=OTHER, fault=name)


def loads(change):
    return Framework(load=lambda path: change(load(path)))


def shifted(*names):
    def change(net):
        for name in names:
            net.parameters[name].value += 1
        return net

    return change


def unmasked(net):
    value = net.parameters["dense1.weight"].value.copy()
    net.parameters["dense1.weight"].mask = np.ones((2, 2), bool)
    net.parameters["dense1.weight"].value[...] = value
    return net


def with_tanh(net):
    return network(
        [p.value for p in net.prunable.values()], masks=[p.mask for p in net.prunable.values()], activation="tanh"
    )


def as_double(net):
    return network(
        [p.value.astype(float) for p in net.prunable.values()], masks=[p.mask for p in net.prunable.values()]
    )


def fewer(net):
    return network([net.dense[0].weight.value])


class SavesMore:
    """Write something more behind a file, the second time."""

    __name__ = "saves_more"

    def __init__(self, change):
        self.change, self.number = change, 0

    def __call__(self, net, path):
        self.number += 1
        save(net, path)
        if self.number == 2:
            path.write_bytes(self.change(path.read_bytes()))


def raising(error):
    def load_it(path):
        try:
            return load(path)
        except MinpruneError:
            raise error from None

    return Framework(load=load_it)


def lenient(path):
    try:
        return load(path)
    except MinpruneError:
        return NET


def removes_first(net, path):
    path.unlink(missing_ok=True)
    save(net, path)


def simple(net, path):
    path.write_bytes(np.float32(net.inputs).tobytes())


def simple_load(path):
    return OTHER if np.frombuffer(path.read_bytes(), np.float32)[0] == 1 else NET


def does_nothing(net, path):
    if not path.exists():
        save(net, path)


def other_error(error):
    def save_it(net, path):
        try:
            save(net, path)
        except OSError:
            raise error from None

    return Framework(save=save_it)


def says_error(net, path):
    try:
        save(net, path)
    except OSError as error:
        raise KeyError(str(error).replace(str(path), "the file")) from None


def leaves_something(net, path):
    try:
        save(net, path)
    except OSError:
        os.mkdir(path.parent / "left")
        raise


ROWS = [
    ("save_load_equal", "as it should be", Framework(), CASE),
    ("save_load_equal", "other values", loads(shifted("dense2.weight")), CASE),
    ("save_load_equal", "other values in both", loads(shifted("dense1.weight", "dense2.weight")), CASE),
    ("save_load_equal", "no masks", loads(unmasked), CASE),
    ("save_load_equal", "another activation", loads(with_tanh), CASE),
    ("save_load_equal", "another dtype", loads(as_double), CASE),
    ("save_load_equal", "a layer less", loads(fewer), CASE),
    ("save_stable", "as it should be", Framework(), CASE),
    ("save_stable", "longer the second time", Framework(save=SavesMore(lambda b: b + b"12")), CASE),
    ("save_stable", "shorter the second time", Framework(save=SavesMore(lambda b: b[:-3])), CASE),
    (
        "save_stable",
        "another byte the second time",
        Framework(save=SavesMore(lambda b: b[:20] + b"\xff" + b[21:])),
        CASE,
    ),
    (
        "save_stable",
        "two other bytes the second time",
        Framework(save=SavesMore(lambda b: b[:20] + b"\xff\xff" + b[22:])),
        CASE,
    ),
    ("save_stable", "other values", loads(shifted("dense2.weight")), CASE),
    *(
        (
            "refuse_all_damage",
            f"as it should be, {damage}, {place}",
            Framework(),
            Case(network=NET, damage=damage, place=place),
        )
        for damage in DAMAGES
        for place in (0.0, 0.5, 1.0)
    ),
    *(
        (
            "refuse_all_damage",
            f"it is taken, {damage}, {place}",
            Framework(load=lenient),
            Case(network=NET, damage=damage, place=place),
        )
        for damage in DAMAGES
        for place in (0.0, 0.25, 1.0)
    ),
    ("refuse_all_damage", "a KeyError", raising(KeyError("x")), Case(network=NET, damage="cut short", place=0.5)),
    (
        "refuse_all_damage",
        "a StorageError",
        raising(StorageError("x")),
        Case(network=NET, damage="cut short", place=0.5),
    ),
    *(("save_atomic", f"as it should be, {name}", Framework(), fault(name)) for name in FAULTS),
    *(
        ("save_atomic", f"the old one is removed, {name}", Framework(save=removes_first), fault(name))
        for name in FAULTS
    ),
    *(("save_atomic", f"something is left, {name}", Framework(save=leaves_something), fault(name)) for name in FAULTS),
    *(("save_atomic", f"nothing is saved, {name}", Framework(save=does_nothing), fault(name)) for name in FAULTS),
    *(
        ("save_atomic", f"straight into the file, {name}", Framework(save=simple, load=simple_load), fault(name))
        for name in FAULTS
    ),
    *(("save_atomic", f"what is raised, {name}", Framework(save=says_error), fault(name)) for name in FAULTS),
    ("save_atomic", "a StorageError is fine", other_error(StorageError("full")), fault("fsync")),
    ("save_atomic", "a KeyError is not", other_error(KeyError("full")), fault("fsync")),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()


@pytest.mark.parametrize(
    ("damage", "place", "bytes_"),
    [
        ("cut short", 0.5, b"\x00\x01\x02\x03"),
        ("cut short", 0.0, b""),
        ("with a flipped bit", 0.0, b"\x01\x01\x02\x03\x04\x05\x06\x07\x08\x09"),
        ("with a flipped bit", 0.34, b"\x00\x01\x02\x0b\x04\x05\x06\x07\x08\x09"),
        ("with a flipped bit", 1.0, b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0b"),
        ("that goes on", 0.5, b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x00"),
        ("with a forged length", 0.5, b"\xff\xff\xff\xff\xff\xff\xff\x7f\x08\x09"),
    ],
)
def test_a_damage_is_what_it_is_called(damage, place, bytes_):
    assert _damaged(bytes(range(10)), damage, place) == bytes_


def written(path, data):
    """Read a file line by line and write it anew, its mode given by name."""
    with open(path, mode="rb") as file:
        assert list(file)
    with open(file=path, mode="wb") as file:
        file.write(data)


ACTS = {
    "write": lambda path: written(path, b"12345"),
    "replace": lambda path: os.replace(path, path),
    "fsync": lambda path: os.fsync(1),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_fails_is_that_call_alone_and_the_disk_is_full(tmp_path, what):
    path = Path(tmp_path, "file")
    path.write_bytes(b"old")
    with _failing(what):
        for name in set(FAULTS) - {what, "fsync"}:
            ACTS[name](path)
        with pytest.raises(OSError) as full:
            ACTS[what](path)
    assert (full.value.errno, full.value.strerror) == (errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert path.read_bytes() == (b"12" if what == "write" else b"12345")
    for name in ("write", "replace"):
        ACTS[name](path)
