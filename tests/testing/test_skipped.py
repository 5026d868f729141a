"""Which laws say nothing about which subject, and why.

python tests/testing/test_skipped.py       # writes said/skipped.txt anew
"""

import importlib.util

import pytest
from told import read, write

import minprune as mp
from minprune.pruning.allocation import Curves
from minprune.testing import Framework
from minprune.testing.checks import FRAMEWORK

OWN = type(
    "Own", (mp.pruning.patterns.Pattern,), {"units": mp.Unstructured.units, "__repr__": lambda self: "one's own"}
)()
LOSS = mp.SoftmaxCrossEntropy()
SUBJECTS = {
    "criterion": [
        mp.Magnitude(),
        mp.GradientMagnitude(LOSS),
        mp.Saliency(mp.BinaryCrossEntropy()),
        mp.Fisher(LOSS),
        mp.Movement(),
        mp.ActivationNorm(),
        mp.SynFlow(),
        mp.OptimalBrainSurgeon(),
        mp.Random(rng=0),
        mp.GraSP(mp.MeanSquaredError()),
    ],
    "allocation": [
        mp.Global(),
        mp.Uniform(),
        mp.Uniform(within="output"),
        mp.ErdosRenyi(),
        mp.PerLayer({"dense1": 0.5, "dense2": 0.25}),
        mp.Sensitivity(Curves(0.0, {}, {})),
    ],
    "pattern": [mp.Unstructured(), mp.NM(1, 2), mp.Vectors(2), mp.Blocks((2, 2)), mp.Neurons(), OWN],
    "schedule": [mp.Linear(), mp.OneShot()],
    "regrowth": [mp.SET()],
    "optimizer": [mp.SGD(0.1, momentum=0.9), mp.Adam(0.1)],
    "penalty": [
        mp.L1(0.1),
        mp.L1(0.1, subgradient=True),
        mp.L2(0.1),
        mp.GroupLasso(0.1),
        mp.L1(0.1) + mp.L2(0.1),
        mp.L2(0.1) + mp.L2(0.1),
    ],
    "kernel": [mp.CSR],
    **{part: [Framework()] for part in FRAMEWORK},
}


def made_anew(component):
    """Return the laws of a component from a fresh copy of its module, so that what is done in its import is tried."""
    spec = importlib.util.find_spec(f"minprune.testing.checks.{component}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PROPERTIES


def shown(subject):
    return getattr(subject, "__name__", repr(subject))


def skipped(component):
    """Return a line for each law and subject that it says nothing about."""
    laws, subjects = made_anew(component), SUBJECTS[component]
    said = [(name, shown(subject), prop.skip(subject)) for name, prop in laws.items() for subject in subjects]
    return "\n".join(f"{name}, {subject}: {why}" for name, subject, why in said if why) or "nothing"


@pytest.mark.parametrize("component", SUBJECTS)
def test_what_a_law_says_nothing_about(component):
    assert skipped(component) == read("skipped")[component]


if __name__ == "__main__":
    write("skipped", {component: skipped(component) for component in SUBJECTS})
