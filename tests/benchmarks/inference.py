"""How long one answer takes: minprune beside SciPy, PyTorch and ONNX Runtime, on the same weights in the same process.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/inference.py [--rounds 45]

First the product of a matrix with one sample: minprune's CSR, SciPy's CSR and dense BLAS. Then whole networks with
ReLU: minprune's network, its program, its programs of the network pruned by magnitude, PyTorch eager in inference
mode, and ONNX Runtime. What is not installed is left out, and a line says so. All is float32, with as many threads
each. PyTorch gets a tensor and SciPy gets its arrays ready-made; ONNX Runtime and the programs check their input. Each
result is compared with the dense one beforehand.

The weights are random, and the same share of each layer goes, by magnitude. Where few weights are left in the last
layer, units before it die and are folded away: the widths that are left are printed.
What takes microseconds is called many times in a burst, the first call of which is not counted. The bursts take turns
(A B C A B C …), and what is stated is the median over the rounds of the time of a call, and of the ratio in a round.
"""

from __future__ import annotations

import argparse
import operator
import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from statistics import median
from typing import Any

import numpy as np
from machine import in_turns, ratios, spread, surroundings

import minprune as mp
from minprune.display import count, duration, percent, table

SIDES = (256, 1024, 4096)
SPARSITIES = (0.80, 0.90, 0.95, 0.99)
NETWORKS = ((60, 256, 128, 2), (784, 300, 100, 10))
BATCHES = (1, 16, 256)
BURST = 4e-4  # seconds: short, so that most bursts fall between two turns of the scheduler
THREADS = int(os.environ.get("OPENBLAS_NUM_THREADS") or os.cpu_count() or 1)

Call = Callable[[], object]


def peer(name: str) -> Any:
    """Return a module, or None where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


scipy, torch, onnx, onnxruntime = (peer(name) for name in ("scipy.sparse", "torch", "onnx", "onnxruntime"))
PEERS = {"SciPy": scipy, "PyTorch": torch, "ONNX Runtime": onnx and onnxruntime}


def measure(calls: Mapping[str, Call], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of one call of each in each round; a round's bursts have as many calls for all."""
    times = []
    for call in calls.values():
        call()
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    repeats = max(1, round(BURST / max(times)))

    def prepare(call: Call) -> Callable[[], Callable[[], object]]:
        def burst() -> None:
            for _ in range(repeats):
                call()

        def ready() -> Callable[[], object]:
            call()
            return burst

        return ready

    seconds = in_turns({name: prepare(call) for name, call in calls.items()}, rounds)
    return {name: [burst / repeats for burst in bursts] for name, bursts in seconds.items()}


def check(results: Mapping[str, object], expected: np.ndarray) -> None:
    for name, result in results.items():
        if not np.allclose(np.asarray(result), expected, rtol=1e-3, atol=1e-3):
            raise SystemExit(f"{name} computes something else")


def products(side: int, sparsity: float) -> dict[str, Call]:
    """Return ways to multiply the same matrix by the same sample."""
    rng = np.random.default_rng(0)
    w = rng.standard_normal((side, side), np.float32)
    w[rng.random(w.shape) < sparsity] = 0
    x, out = rng.standard_normal(side, np.float32), np.empty(side, np.float32)
    calls: dict[str, Call] = {"minprune CSR": partial(mp.CSR.from_dense(w).product(), x, out)}
    if scipy:
        calls["SciPy CSR"] = partial(operator.matmul, scipy.csr_array(w), x)
    calls["dense BLAS"] = partial(np.dot, w, x, out)
    check({name: np.array(call()) for name, call in calls.items()}, w.astype(np.float64) @ x)
    return calls


def torchs(net: mp.Network) -> Any:
    layers = []
    for dense in net.dense:
        linear = torch.nn.Linear(dense.inputs, dense.outputs)
        linear.weight.data.copy_(torch.from_numpy(dense.weight.value.T))
        linear.bias.data.copy_(torch.from_numpy(dense.bias.value.copy()))
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1]).eval()


def onnxs(net: mp.Network) -> Any:
    """Return a session of the same network: Gemm and Relu in turn."""
    nodes, arrays, name = [], [], "x"
    for k, dense in enumerate(net.dense):
        arrays += [onnx.numpy_helper.from_array(np.ascontiguousarray(dense.weight.value), f"w{k}")]
        arrays += [onnx.numpy_helper.from_array(np.ascontiguousarray(dense.bias.value), f"b{k}")]
        nodes.append(onnx.helper.make_node("Gemm", [name, f"w{k}", f"b{k}"], [f"z{k}"]))
        nodes.append(onnx.helper.make_node("Relu", [f"z{k}"], [f"h{k}"]))
        name = f"h{k}"
    nodes.pop()
    ends = [
        onnx.helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, ["batch", width])
        for end, width in (("x", net.inputs), (f"z{len(net.dense) - 1}", net.outputs))
    ]
    graph = onnx.helper.make_graph(nodes, "network", ends[:1], ends[1:], arrays)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # not in the others' turns
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def pruned(net: mp.Network) -> dict[str, mp.Network]:
    return {
        f"program {percent(s, 0)}": mp.plan(net, mp.Magnitude(), sparsity=s, allocation=mp.Uniform()).apply(net)
        for s in (0.90, 0.95)
    }


def left(net: mp.Network) -> str:
    """Return the widths after folding: inputs that are used, and units."""
    folded = mp.compact(net)
    return "-".join(str(width) for width in (folded.dense[0].inputs, *(layer.outputs for layer in folded.dense)))


def answers(net: mp.Network, batch: int) -> dict[str, Call]:
    """Return ways to get the answers of a network, and of the same network pruned."""
    x = np.random.default_rng(1).standard_normal((batch, net.inputs), np.float32)
    calls: dict[str, Call] = {"network": partial(net, x)}
    for name, source in {"program": net, **pruned(net)}.items():
        program = mp.compile(source, batch)
        calls[name] = partial(program, x)
        check({name: program(x)}, source(x))
    if PEERS["PyTorch"]:
        calls["PyTorch"] = partial(torchs(net), torch.from_numpy(x))
        check({"PyTorch": calls["PyTorch"]()}, net(x))
    if PEERS["ONNX Runtime"]:
        calls["ONNX Runtime"] = partial(onnxs(net).run, None, {"x": x})
        check({"ONNX Runtime": calls["ONNX Runtime"]()[0]}, net(x))
    return calls


def product_table(rounds: int) -> str:
    rows: list[list[object]] = []
    headers: list[str] = []
    for side in SIDES:
        rows += [[]] if rows else []
        for sparsity in SPARSITIES:
            seconds = measure(products(side, sparsity), rounds)
            ours, *others = seconds
            row: list[object] = [f"{side} × {side}", percent(sparsity, 0)]
            row += [duration(median(times)) for times in seconds.values()]
            headers = ["matrix", "zeros", *seconds]
            for other in others:
                found = ratios(seconds[ours], seconds[other])
                row += [f"{median(found):.2f}", spread(found)]
                headers += [f"of {other}", "middle half"]
            rows.append(row)
    return table(headers, rows, title="One sample times a sparse matrix", left=2)


def network_tables(rounds: int) -> str:
    times_of: list[list[object]] = []
    compared: list[list[object]] = []
    names: list[str] = []
    others: list[str] = []
    for widths in NETWORKS:
        net = mp.Network.mlp(widths, rng=0)
        for layer in net.dense:
            layer.bias.value = np.random.default_rng(2).standard_normal(layer.outputs).astype(np.float32) / 10
        times_of += [[]] if times_of else []
        for batch in BATCHES:
            seconds = measure(answers(net, batch), rounds)
            names = list(seconds)
            others = [name for name in names if "program" not in name]
            title = ["-".join(map(str, widths)), count(batch)]
            times_of.append([*title, *(duration(median(times)) for times in seconds.values())])
            compared += [[]] if compared else []
            for above in ("program", *pruned(net)):
                row: list[object] = [*title, above]
                for below in others:
                    found = ratios(seconds[above], seconds[below])
                    row += [f"{median(found):.2f}", spread(found)]
                compared.append(row)
    first = table(["network", "batch", *names], times_of, title="One call", left=1)
    headers = ["network", "batch", "time of"] + [part for name in others for part in (f"/ {name}", "middle half")]
    return f"{first}\n\n{table(headers, compared, title='Below 1 the program is faster', left=1)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=45, help="turns of each (default 45)")
    rounds = parser.parse_args().rounds
    if torch:
        torch.set_num_threads(THREADS)
    versions = {"SciPy": peer("scipy"), "PyTorch": torch, "ONNX Runtime": onnxruntime}
    print(surroundings())
    here = [f"{name} {versions[name].__version__}" for name, module in PEERS.items() if module]
    print(", ".join([*here, f"threads {THREADS} each; float32, {rounds} rounds"]))
    print("".join(f"not installed, so left out: {name}\n" for name, module in PEERS.items() if not module))
    print(product_table(rounds), end="\n\n")
    with torch.inference_mode() if torch else nullcontext():
        print(network_tables(rounds), end="\n\n")
    for widths in NETWORKS:
        packed = ", ".join(
            f"{left(source)} in {name}" for name, source in pruned(mp.Network.mlp(widths, rng=0)).items()
        )
        print(f"{'-'.join(map(str, widths))}: {packed}")


if __name__ == "__main__":
    main()
