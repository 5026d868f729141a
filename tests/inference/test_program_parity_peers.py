"""To 1e-12 beside PyTorch and SciPy in float64: programs of every kernel, products of every format, and masks."""

from itertools import pairwise

import numpy as np
import pytest

import minprune as mp
from minprune.nn.activations import ACTIVATIONS

torch = pytest.importorskip("torch")
sparse = pytest.importorskip("scipy.sparse")
pytestmark = pytest.mark.peers

CLOSE = 1e-12
KERNELS = ["dense", "packed", "dense features", "packed features", "panels", "panels apart", "ell", "csr"]
THEIRS = {
    "relu": torch.nn.ReLU,
    "leaky_relu": lambda: torch.nn.LeakyReLU(0.01),
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
    "gelu": lambda: torch.nn.GELU(approximate="tanh"),
}
FORMATS = {
    "CSR": mp.CSR.from_dense,
    "ELL": mp.ELL.from_dense,
    "PackedDense": mp.PackedDense.from_dense,
    "Panels": mp.Panels.from_dense,
    "Panels apart": lambda w: mp.Panels.from_dense(w, together=False),
}


def assert_close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=CLOSE, atol=CLOSE * np.abs(theirs).max(initial=0.0))


def pruned_pair(activation, pattern, sparsity, widths=(20, 48, 32, 5)):
    """Ours, pruned, and theirs with the masks multiplied on."""
    net = mp.Network.mlp(widths, activation=activation, rng=1, dtype=np.float64)
    net = mp.plan(net, mp.Magnitude(), sparsity=sparsity, pattern=pattern).apply(net)
    parts = []
    for k, ((a, b), layer) in enumerate(zip(pairwise(widths), net.dense, strict=True)):
        layer.bias.value = np.random.default_rng(k).standard_normal(b)
        layer.bias.mask = layer.bias.mask  # what is dropped is 0 again
        linear = torch.nn.Linear(a, b, dtype=torch.float64)
        linear.weight.data = torch.tensor((layer.weight.value * layer.weight.mask).T.copy())
        linear.bias.data = torch.tensor(layer.bias.effective())
        parts += [THEIRS[activation]()] if k else []
        parts.append(linear)
    return net, torch.nn.Sequential(*parts)


@pytest.mark.parametrize(
    "pattern", [mp.Unstructured(), mp.Vectors(8), mp.Neurons()], ids=["weights", "vectors", "neurons"]
)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_programs_are_their_networks(kernel, activation, pattern):
    net, module = pruned_pair(activation, pattern, 0.8)
    x = np.random.default_rng(2).standard_normal((7, 20))
    with torch.no_grad():
        expected = module(torch.tensor(x)).numpy()
    assert_close(net(x), expected)
    assert_close(mp.compact(net)(x), expected)
    for batch in (1, 7):
        program = mp.compile(net, kernels=kernel, batch_size=batch)
        assert_close(np.concatenate([program(x[i : i + batch]) for i in range(0, 7, batch)]), expected)
        assert_close(program.predict_proba(x), torch.softmax(torch.tensor(expected), 1).numpy())


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "coo_array", "bsr_array"])
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("pack", FORMATS.values(), ids=FORMATS)
def test_products_are_those_of_every_format_of_scipy(pack, sparsity, kind):
    rng = np.random.default_rng(3)
    for shape in ((1, 1), (64, 100), (100, 64)):
        w = rng.standard_normal(shape) * (rng.random(shape) >= sparsity)
        ours, theirs = pack(w), getattr(sparse, kind)(w)
        for x in (rng.standard_normal(shape[1]), rng.standard_normal((shape[1], 9))):
            assert_close(ours @ x, theirs @ x)
        assert np.array_equal(ours.to_dense(), theirs.toarray())


@pytest.mark.parametrize("shape", [(1, 9), (12, 7), (40, 64)])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9])
def test_products_are_those_of_pytorchs_sparse_tensors(shape, share):
    rng = np.random.default_rng(4)
    w, x = rng.standard_normal(shape) * (rng.random(shape) >= share), rng.standard_normal((shape[1], 5))
    expected = torch.sparse.mm(torch.tensor(w).to_sparse_coo(), torch.tensor(x)).numpy()
    for pack in FORMATS.values():
        assert_close(pack(w) @ x, expected)


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 4), (1, 4), (3, 8)])
def test_masks_of_n_in_m_are_those_of_taking_the_largest_of_each_group(n, m):
    """Inputs in groups of m for each output: PyTorch's `topk` in each."""
    net = mp.Network.mlp([4 * m, 30], rng=5, dtype=np.float64)
    mask = mp.plan(net, mp.Magnitude(), pattern=mp.NM(n, m)).masks["dense1.weight"]
    groups = torch.tensor(net.dense[0].weight.value.T.copy()).abs().reshape(30, 4, m)
    kept = torch.zeros_like(groups).scatter(2, groups.topk(n, dim=2).indices, 1)
    assert np.array_equal(mask, kept.reshape(30, 4 * m).numpy().T == 1)


@pytest.mark.parametrize("norm", ["sum", "norm", "max"])
@pytest.mark.parametrize("columns", [True, False])
def test_whole_rows_and_columns_are_those_of_ln_structured_in_every_norm(norm, columns):
    prune = pytest.importorskip("torch.nn.utils.prune")
    net = mp.Network.mlp([12, 9], rng=6, dtype=np.float64)
    units = 9 if columns else 12
    for goes in range(units):
        pattern = mp.Blocks((12, 1) if columns else (1, 9), reduce=norm)
        plan = mp.plan(net, mp.Magnitude(), sparsity=goes / units, pattern=pattern)
        linear = torch.nn.Linear(12, 9, bias=False, dtype=torch.float64)
        linear.weight.data = torch.tensor(net.dense[0].weight.value.T.copy())
        order = {"sum": 1, "norm": 2, "max": float("inf")}[norm]
        prune.ln_structured(linear, "weight", amount=goes, n=order, dim=0 if columns else 1)
        theirs = getattr(linear, "weight_mask", torch.ones_like(linear.weight))
        assert np.array_equal(plan.masks["dense1.weight"], theirs.numpy().T == 1)
