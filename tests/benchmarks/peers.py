"""The same network in the hands of others: functions that answer a batch, (rows, inputs), with (rows, outputs).

Weights are given as each likes them, once; the batch comes as data do, in rows, and whoever wants it otherwise turns
it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

import minprune as mp

THREADS = int(os.environ.get("OPENBLAS_NUM_THREADS") or os.cpu_count() or 1)

Call = Callable[[], object]


def module(name: str) -> Any:
    """Return a module, or None where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


scipy, torch, onnx, onnxruntime = (module(name) for name in ("scipy.sparse", "torch", "onnx", "onnxruntime"))
sklearn = module("sklearn.neural_network")


def versions() -> str:
    """Return what is installed, and what is not and so left out."""
    named = {"SciPy": "scipy", "PyTorch": "torch", "ONNX Runtime": "onnxruntime", "scikit-learn": "sklearn"}
    found = {name: module(package) for name, package in named.items()}
    there = [f"{name} {package.__version__}" for name, package in found.items() if package]
    missing = [name for name, package in found.items() if not package]
    return ", ".join(there) + (f"; not installed, so left out: {', '.join(missing)}" if missing else "")


def _layers(net: mp.Network) -> list[tuple[np.ndarray, np.ndarray | None, bool]]:
    """Return for each Dense layer its weights (inputs, outputs), its bias, and whether a rectifier follows."""
    result = []
    for k, layer in enumerate(net.layers):
        if isinstance(layer, mp.Dense):
            rectified = k + 1 < len(net.layers) and isinstance(net.layers[k + 1], mp.ReLU)
            bias = None if layer.bias is None else layer.bias.effective().copy()
            result.append((np.ascontiguousarray(layer.weight.effective()), bias, rectified))
    return result


def dense_numpy(net: mp.Network, x: np.ndarray) -> Call:
    """Dense NumPy at its best: buffers made once, no checks, and the result is overwritten by the next call."""
    layers = [(w, b, r, np.empty((len(x), w.shape[1]), np.float32)) for w, b, r in _layers(net)]

    def call() -> np.ndarray:
        h = x
        for weight, bias, rectified, out in layers:
            h.dot(weight, out)
            if bias is not None:
                np.add(out, bias, out)
            if rectified:
                np.maximum(out, 0, out=out)
            h = out
        return h

    return call


def scipy_csr(net: mp.Network, x: np.ndarray) -> Call:
    """SciPy's CSR with outputs as rows and samples as columns, which is how it multiplies."""
    layers = [(scipy.csr_array(w.T), None if b is None else b[:, None].copy(), r) for w, b, r in _layers(net)]

    def call() -> np.ndarray:
        h = x[0] if len(x) == 1 else np.ascontiguousarray(x.T)
        for weight, bias, rectified in layers:
            h = weight @ h
            if bias is not None:
                h += bias[:, 0] if h.ndim == 1 else bias
            if rectified:
                np.maximum(h, 0, out=h)
        return h.reshape(-1, len(x)).T

    return call


def torch_dense(net: mp.Network, x: np.ndarray) -> Call:
    layers: list[Any] = []
    for weight, bias, rectified in _layers(net):
        linear = torch.nn.Linear(*weight.shape, bias=bias is not None)
        linear.weight.data.copy_(torch.from_numpy(np.ascontiguousarray(weight.T)))
        if bias is not None:
            linear.bias.data.copy_(torch.from_numpy(bias))
        layers += [linear, torch.nn.ReLU()] if rectified else [linear]
    return partial(torch.nn.Sequential(*layers).eval(), torch.from_numpy(x))


def torch_csr(net: mp.Network, x: np.ndarray) -> Call:
    layers = [
        (
            torch.from_numpy(np.ascontiguousarray(w.T)).to_sparse_csr(),
            None if b is None else torch.from_numpy(b)[:, None],
            r,
        )
        for w, b, r in _layers(net)
    ]
    rows = torch.from_numpy(x)

    def call() -> object:
        h = rows.T.contiguous()
        for weight, bias, rectified in layers:
            h = weight @ h
            if bias is not None:
                h += bias
            if rectified:
                torch.relu_(h)
        return h.T

    return call


def onnx_dense(net: mp.Network, x: np.ndarray) -> Call:
    """ONNX Runtime with Gemm and Relu in turn."""
    nodes, arrays, name = [], [], "x"
    layers = _layers(net)
    for k, (weight, bias, rectified) in enumerate(layers):
        arrays.append(onnx.numpy_helper.from_array(weight, f"w{k}"))
        arrays.append(
            onnx.numpy_helper.from_array(np.zeros(weight.shape[1], np.float32) if bias is None else bias, f"b{k}")
        )
        last = k == len(layers) - 1
        result = "y" if last and not rectified else f"z{k}"
        nodes.append(onnx.helper.make_node("Gemm", [name, f"w{k}", f"b{k}"], [result]))
        if rectified:
            name, result = result, "y" if last else f"h{k}"
            nodes.append(onnx.helper.make_node("Relu", [name], [result]))
        name = result
    ends = [
        onnx.helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, ["batch", width])
        for end, width in (("x", net.inputs), ("y", net.outputs))
    ]
    graph = onnx.helper.make_graph(nodes, "network", ends[:1], ends[1:], arrays)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # not in the others' turns
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": x})[0]


def sklearn_proba(net: mp.Network, x: np.ndarray) -> Call:
    """scikit-learn's ``predict_proba`` of a classifier that is given the weights."""
    layers = _layers(net)
    model = sklearn.MLPClassifier([w.shape[1] for w, _, _ in layers[:-1]], max_iter=1)
    classes = np.arange(net.outputs)
    few = np.random.default_rng(0).standard_normal((2 * classes.size, net.inputs)).astype(np.float32)
    model.partial_fit(few, np.resize(classes, len(few)), classes=classes)
    weights = [w for w, _, _ in layers]
    biases = [np.zeros(w.shape[1], np.float32) if b is None else b for w, b, _ in layers]
    if net.outputs == 2:  # it has one logistic output for two classes
        weights[-1] = np.ascontiguousarray(weights[-1][:, 1:] - weights[-1][:, :1])
        biases[-1] = biases[-1][1:] - biases[-1][:1]
    model.coefs_, model.intercepts_ = weights, biases
    return lambda: model.predict_proba(x)


def available() -> dict[str, Callable[[mp.Network, np.ndarray], Call]]:
    """Return the ways to answer with a network's weights, of those whose library is installed."""
    ways = {"SciPy CSR": (scipy, scipy_csr), "torch dense": (torch, torch_dense), "torch CSR": (torch, torch_csr)}
    ways["ONNX Runtime"] = (onnx and onnxruntime, onnx_dense)
    return {name: way for name, (package, way) in ways.items() if package}
