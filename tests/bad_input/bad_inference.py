"""Bad input to what packs and runs, and to what keeps."""

import numpy as np
from bad_world import (
    FEATURES,
    FLAG,
    HUGE,
    MASKS,
    MISSHAPEN,
    NAN,
    NOT_NEGATIVE,
    TYPE,
    UNREAL,
    VALUE,
    each,
    mistyped,
    network,
    rows,
    whole,
)  # fmt: skip

import minprune as mp

KERNELS = ["dense", "packed", "dense features", "packed features", "panels", "panels apart", "ell", "csr"]
FORMATS = ("DenseMatrix", "PackedDense", "CSR", "ELL", "Panels")


def _format(name):
    kind, call = getattr(mp, name), f"{name}.from_dense"
    matrix = kind.from_dense(np.eye(4, dtype=np.float32))
    fits = np.ones((4, 6))
    return [
        *each(call, "w", UNREAL, lambda w, bad: kind.from_dense(bad)),
        *rows(
            call,
            (lambda w: kind.from_dense(np.ones(4)), VALUE, f"w must have shape (rows, columns), got (4,) in {call}()"),
            (lambda w: kind.from_dense(np.ones((2, 2), bool)), VALUE,
             f"dtype must be float32 or float64, got bool in {call}()"),
            (lambda w: kind.from_dense(np.ones((2, 2), np.float16)), VALUE,
             f"dtype must be float32 or float64, got float16 in {call}()"),
        ),
        *each(call, "w", [*MASKS, MISSHAPEN], lambda w, bad: kind.from_dense(fits, bad)),
        *each(name, "x", UNREAL, lambda w, bad: matrix @ bad, "matmul"),
        *rows(
            name,
            (lambda w: matrix @ np.ones(3), VALUE, "x must have shape (4,) or (4, batch), got (3,) in matmul()"),
            (lambda w: matrix @ 3, VALUE, "x must have shape (4,) or (4, batch), got () in matmul()"),
            (lambda w: np.ones((2, 4)) @ matrix, TYPE,
             f"a {name} multiplies from the left: x @ w is (w.T @ x.T).T; pack the transposed matrix"),
        ),
    ]  # fmt: skip


def csr(data=(1.0, 2.0), indices=(0, 1), indptr=(0, 1, 2), shape=(2, 2)):
    return mp.CSR(np.array(data), np.array(indices), np.array(indptr), shape)


_CSR = [
    (lambda w: csr(indptr=(0, 1)), VALUE, "indptr must have rows + 1 entries, 3, got 2 in CSR()"),
    (lambda w: csr(indptr=(1, 1, 2)), VALUE, "indptr must go from 0 to 2, got 1 to 2 in CSR()"),
    (lambda w: csr(indptr=(0, 1, 3)), VALUE, "indptr must go from 0 to 2, got 0 to 3 in CSR()"),
    (lambda w: csr(indptr=(0, 3, 2)), VALUE, "indptr must never fall, got 2 after 3 at 2 in CSR()"),
    (lambda w: csr(indptr=(0, -1, 2)), VALUE, "indptr must never fall, got -1 after 0 at 1 in CSR()"),
    (lambda w: csr(indptr=(0.0, 1.0, 2.0)), TYPE, "indptr must hold integers, got dtype float64 in CSR()"),
    (lambda w: csr(indptr=((0, 1, 2),)), VALUE, "indptr must have one dimension, got shape (1, 3) in CSR()"),
    (lambda w: csr(indices=(0, 2)), VALUE, "indices must be in [0, 2), got 2 at 1 in CSR()"),
    (lambda w: csr(indices=(0, -1)), VALUE, "indices must be in [0, 2), got -1 at 1 in CSR()"),
    (lambda w: csr(indices=(0,)), VALUE, "indices must be as many as data, 2, got 1 in CSR()"),
    (lambda w: csr(indices=(True, False)), TYPE, "indices must hold integers, got dtype bool in CSR()"),
    (lambda w: csr(indices=(1, 0), indptr=(0, 2, 2)), VALUE,
     "indices must rise within a row, got 0 after 1 at 1 in CSR()"),
    (lambda w: csr(data=(1, 2)), VALUE, "dtype must be float32 or float64, got int64 in CSR()"),
    (lambda w: csr(data=(1j, 2)), TYPE, "data must hold real numbers, got dtype complex128 in CSR()"),
    (lambda w: csr(shape=4), TYPE, "shape must be (rows, columns), got 4 in CSR()"),
    (lambda w: csr(shape=(2, 2, 2)), TYPE, "shape must be (rows, columns), got (2, 2, 2) in CSR()"),
    (lambda w: csr(shape=(HUGE, HUGE)), VALUE, "indptr must have rows + 1 entries, 1000000001, got 3 in CSR()"),
    (lambda w: csr(shape=(2**50, 2)), VALUE, "shape must be at most 1099511627776, got 1125899906842624 in CSR()"),
    (lambda w: mp.CSR(np.ma.ones(2), np.array([0, 1]), np.array([0, 1, 2]), (2, 2)), TYPE,
     "data must be a plain array, got a masked array in CSR(): fill it first"),
]  # fmt: skip

INFERENCE = [
    *(row for name in FORMATS for row in _format(name)),
    *rows("CSR", *_CSR),
    *each("CSR", "shape", whole(0), lambda w, bad: csr(shape=(2, bad))),
    *each("Panels.from_dense", "together", FLAG, lambda w, bad: mp.Panels.from_dense(np.eye(2), together=bad)),
    *each("compact", "network", network(), lambda w, bad: mp.compact(bad)),
    *rows(
        "compact",
        (lambda w: mp.compact(w.net, optimizer=3), TYPE, "optimizer must be an Optimizer, got int 3 in compact()"),
        (lambda w: mp.compact(w.net, optimizer=mp.SGD(0.1)), VALUE,
         "optimizer must have trained this network, got SGD(0.1, momentum=0), which has taken no step on it, in "
         "compact(); a copy starts afresh: set masks on the network itself, as plan.apply_in_place does"),
    ),
    *each("compile", "network", network(), lambda w, bad: mp.compile(bad)),
    *each("compile", "batch_size", whole(1, (HUGE, VALUE, f"{{p}} must be at most 357913941, got {HUGE} in {{fn}}()")),
          lambda w, bad: mp.compile(w.net, bad)),
    *each("compile", "seconds", NOT_NEGATIVE, lambda w, bad: mp.compile(w.net, seconds=bad)),
    *rows(
        "compile",
        (lambda w: mp.compile(w.net, kernels="Cssr"), VALUE, mistyped("Cssr", KERNELS, "csr", "compile", "kernels")),
        (lambda w: mp.compile(w.net, kernels=3), TYPE,
         "kernels must be a name, a mapping or None, got 3 in compile()"),
        (lambda w: mp.compile(w.net, kernels={"Dens1": "csr"}), VALUE,
         "kernels must name Dense layers, got 'Dens1' in compile(); did you mean 'dense1'? Known: dense1, dense2"),
        (lambda w: mp.compile(w.net, kernels={"dense1": 3}), VALUE,
         f"kernels must be a known name, got 3 in compile(); known: {', '.join(KERNELS)}"),
    ),
    *each("Program", "x", FEATURES, lambda w, bad: w.program(bad)),
    *each("Program", "x", FEATURES, lambda w, bad: w.program.predict(bad)),
    *each("Program", "x", FEATURES, lambda w, bad: w.program.predict_proba(bad)),
    *rows("Program", (lambda w: w.program.explain("Dens1"), VALUE,
                      mistyped("Dens1", ["dense1", "dense2"], "dense1", "explain", "layer"))),
]  # fmt: skip

_PATHS = [
    (3, TYPE, "path must be a str or a Path, got int 3 in {fn}()"),
    (None, TYPE, "path must be a str or a Path, got NoneType None in {fn}()"),
    (b"x", TYPE, "path must be a str or a Path, got bytes b'x' in {fn}()"),
    ("", VALUE, "path must be the name of a file, got '' in {fn}()"),
    ("a\0b", VALUE, "path must be the name of a file, got 'a\\x00b' in {fn}()"),
]


def _spoilt():
    network = mp.Network.mlp([2, 2], rng=0)
    network.parameters["dense1.weight"].value[0, 1] = NAN
    return network


KEEPING = [
    *each("save", "path", _PATHS, lambda w, bad: mp.save(w.net, bad)),
    *each("load", "path", _PATHS, lambda w, bad: mp.load(bad)),
    *each("save", "network", [line for line in network() if line[0] is not mp.Network],
          lambda w, bad: mp.save(bad, w.folder / "new")),
    *each("save", "packed", FLAG, lambda w, bad: mp.save(w.net, w.folder / "new", packed=bad)),
    *each("save", "overwrite", FLAG, lambda w, bad: mp.save(w.net, w.folder / "new", overwrite=bad)),
    *rows(
        "save",
        (lambda w: mp.save(w.program, w.folder / "new"), TYPE,
         "network must be a Network, got Program in save(): save the network that it was compiled from, and compile it "
         "after loading"),
        (lambda w: mp.save(_spoilt(), w.folder / "new"), VALUE,
         "dense1.weight must be finite, got 1 NaN or infinite in save(), the first at (0, 1): nan"),
        (lambda w: mp.save(w.net, w.file), mp.StorageError,
         "{folder}/net.safetensors can't be written: it is there already, and overwrite=True is not given"),
        (lambda w: mp.save(w.net, w.folder), mp.StorageError, "{folder} can't be written: it is a folder"),
    ),
    *rows(
        "load",
        (lambda w: mp.load(w.folder), mp.StorageError, "{folder} can't be loaded: Is a directory"),
        (lambda w: mp.load(w.folder / "missing"), mp.StorageError,
         "{folder}/missing can't be loaded: No such file or directory"),
    ),
]  # fmt: skip
