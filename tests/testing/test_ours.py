"""minprune by its own laws: each of its parts, for each law that speaks of it."""

import numpy as np
import pytest
from hypothesis import settings

import minprune as mp
from minprune.inference.dense import DenseMatrix, PackedDense
from minprune.inference.ell import ELL
from minprune.inference.panels import Panels
from minprune.pruning.allocation import Curves
from minprune.testing import Framework, Given, check_framework, check_plan, network, parametrize_with_checks
from minprune.testing.checks import FRAMEWORK

EXAMPLES = max(5, settings.default.max_examples // 5)
LOSS = mp.SoftmaxCrossEntropy()


def select(scores, sparsity):
    net = network([np.zeros(s.shape, s.dtype) for s in scores.values()])
    return dict(mp.plan(net, Given(scores), sparsity=sparsity, min_keep=0).masks)


def compile_it(net, batch_size):
    return mp.compile(net, batch_size=batch_size)


@parametrize_with_checks(
    [
        mp.Magnitude(),
        mp.Magnitude(order=2),
        mp.GradientMagnitude(LOSS),
        mp.GradientMagnitude(mp.MeanSquaredError()),
        mp.Saliency(LOSS),
        mp.Saliency(mp.BinaryCrossEntropy()),
        mp.Fisher(LOSS),
        mp.Movement(),
        mp.ActivationNorm(),
        mp.SynFlow(),
        mp.GraSP(LOSS),
        mp.OptimalBrainSurgeon(),
        mp.Random(rng=0),
        mp.Global(),
        mp.Uniform(),
        mp.Uniform(within="output"),
        mp.PerLayer({"dense1": 0.5, "dense2": 0.25}),
        mp.ErdosRenyi(),
        mp.LAMP(),
        mp.Sensitivity(Curves(0.0, {}, {})),
        mp.Unstructured(),
        mp.NM(1, 3),
        mp.Vectors(2),
        mp.Blocks((2, 2)),
        mp.Neurons(),
        mp.Neurons(inputs=True),
        mp.OneShot(),
        mp.Linear(),
        mp.Cubic(),
        mp.Geometric(),
        mp.Constant(),
        mp.SET(),
        mp.RigL(LOSS),
        mp.SGD(0.1),
        mp.SGD(0.1, momentum=0.9),
        mp.SGD(0.1, momentum=0.9, nesterov=True),
        mp.Adam(0.1),
        mp.AdamW(0.1, weight_decay=0.1),
        mp.L1(0.1),
        mp.L1(0.1, subgradient=True),
        mp.L2(0.1),
        mp.GroupLasso(0.1),
        mp.GroupLasso(0.1, axis="outputs"),
        mp.L1(0.1) + mp.L2(0.1),
        mp.CSR,
        ELL,
        Panels,
        DenseMatrix,
        PackedDense,
    ],
    examples=EXAMPLES,
)
def test_a_part_keeps_the_law(check):
    check()


@parametrize_with_checks([select], component="selector", examples=EXAMPLES)
def test_the_selection_keeps_the_law(check):
    check()


@parametrize_with_checks([compile_it], component="program", examples=5)  # each is measured, which takes its time
def test_a_program_keeps_the_law(check):
    check()


def test_the_plan_keeps_its_laws():
    check_plan(mp.plan, examples=EXAMPLES).raise_for_failures()


@pytest.mark.parametrize("part", FRAMEWORK)
def test_the_framework_keeps_its_laws(part):
    report = check_framework(Framework(), parts=[part], examples=EXAMPLES)
    report.raise_for_failures()
    assert not report.skipped
