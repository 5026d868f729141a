"""minprune: the textbook of neural-network pruning that runs.

A dense network is trained by hand-written backprop, pruned with explicit masks, packed so that it really runs faster,
and measured honestly, all in plain NumPy. The five steps, and where each is read:

    train      `nn`         Network · Dense · ReLU … · SoftmaxCrossEntropy … · L1 · L2 · SGD · Adam · fit · gradcheck
    1 choose   `pruning`    Magnitude · GradientMagnitude · Saliency · Fisher · Movement · ActivationNorm · SynFlow ·
                            GraSP · OptimalBrainSurgeon · Activity · NeuronTaylor · Random     which weights?
    2 analyse  `study`      analyze · sensitivity                             what is there to lose?
    3 plan     `pruning`    plan · Global · Uniform · PerLayer · ErdosRenyi · LAMP · Sensitivity
                                                                              how many in each layer?
                            Unstructured · NM · Vectors · Blocks · Neurons    in what shape?
    4 apply    `pruning`    Plan.apply · Pruner · OneShot · Linear · Cubic · Geometric · Constant · Custom
                            RigL · SET · prune_iteratively · lottery_ticket   when, and what comes back?
               `inference`  compact · compile · CSR · ELL · Panels · PackedDense          make it fast
    5 evaluate `study`      evaluate · time_inference · compare · breakeven · replay · sweep · plot_…
                                                                              what was gained, what was lost?
    keep       `storage`    save · load                                       without the pruned weights, without pickle
    prove      `testing`    check_selector · check_criterion · …              is it so? for your own pruner too

>>> import minprune as mp
>>> digits = mp.datasets.load("digits")
>>> net = mp.Network.mlp([64, 32, 10], rng=0)
>>> history = mp.fit(net, digits.train, loss=mp.SoftmaxCrossEntropy(), optimizer=mp.Adam(3e-3), epochs=10, rng=0)
>>> plan = mp.plan(net, mp.Magnitude(), sparsity=0.5)
>>> pruned = plan.apply(net)
>>> pruned.sparsity
0.5
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Where each public name lives, in reading order. A name is imported when it is first asked for, so that
# ``import minprune`` costs next to nothing beside NumPy.
_HOME = {
    "Parameter": "nn.parameter",
    "Dense": "nn.layers",
    "Dropout": "nn.layers",
    "Select": "nn.layers",
    "ReLU": "nn.activations",
    "LeakyReLU": "nn.activations",
    "Tanh": "nn.activations",
    "Sigmoid": "nn.activations",
    "GELU": "nn.activations",
    "SoftmaxCrossEntropy": "nn.losses",
    "BinaryCrossEntropy": "nn.losses",
    "MeanSquaredError": "nn.losses",
    "L1": "nn.penalties",
    "L2": "nn.penalties",
    "GroupLasso": "nn.penalties",
    "CosineDecay": "nn.learning_rates",
    "StepDecay": "nn.learning_rates",
    "SGD": "nn.optimizers",
    "Adam": "nn.optimizers",
    "AdamW": "nn.optimizers",
    "Network": "nn.network",
    "fit": "nn.training",
    "History": "nn.history",
    "gradcheck": "nn.gradcheck",
    "compose": "pruning.masks",
    "shuffled": "pruning.masks",
    "Magnitude": "pruning.criteria",
    "GradientMagnitude": "pruning.criteria",
    "Saliency": "pruning.criteria",
    "Fisher": "pruning.criteria",
    "Movement": "pruning.criteria",
    "ActivationNorm": "pruning.criteria",
    "SynFlow": "pruning.criteria",
    "GraSP": "pruning.criteria",
    "OptimalBrainSurgeon": "pruning.criteria",
    "Activity": "pruning.criteria",
    "NeuronTaylor": "pruning.criteria",
    "Random": "pruning.criteria",
    "Unstructured": "pruning.patterns",
    "NM": "pruning.patterns",
    "Vectors": "pruning.patterns",
    "Blocks": "pruning.patterns",
    "Neurons": "pruning.patterns",
    "Global": "pruning.allocation",
    "Uniform": "pruning.allocation",
    "PerLayer": "pruning.allocation",
    "ErdosRenyi": "pruning.allocation",
    "LAMP": "pruning.allocation",
    "Sensitivity": "pruning.allocation",
    "sensitivity": "pruning.sensitivity",
    "plan": "pruning.plan",
    "Plan": "pruning.plan",
    "OneShot": "pruning.schedules",
    "Linear": "pruning.schedules",
    "Cubic": "pruning.schedules",
    "Geometric": "pruning.schedules",
    "Constant": "pruning.schedules",
    "Custom": "pruning.schedules",
    "RigL": "pruning.regrowth",
    "SET": "pruning.regrowth",
    "Pruner": "pruning.pruner",
    "prune_iteratively": "pruning.iterations",
    "lottery_ticket": "pruning.tickets",
    "Ticket": "pruning.tickets",
    "compact": "inference.compaction",
    "DenseMatrix": "inference.dense",
    "PackedDense": "inference.dense",
    "CSR": "inference.csr",
    "ELL": "inference.ell",
    "Panels": "inference.panels",
    "compile": "inference.compilation",
    "Program": "inference.program",
    "analyze": "study.complexity",
    "evaluate": "study.evaluation",
    "time_inference": "study.timing",
    "compare": "study.comparison",
    "breakeven": "study.breakeven",
    "Breakeven": "study.frontier",
    "replay": "study.replay",
    "Replay": "study.replay",
    "sweep": "study.sweep",
    "Sweep": "study.records",
    "reinitialised": "study.controls",
    "smaller": "study.controls",
    "plot_masks": "study.plots",
    "plot_weights": "study.plots",
    "plot_activity": "study.plots",
    "plot_history": "study.plots",
    "plot_quality": "study.plots",
    "plot_sweep": "study.plots",
    "plot_latency": "study.plots",
    "plot_breakeven": "study.plots",
    "plot_replay": "study.plots",
    "plot_where_it_pays": "study.plots",
    "save": "storage",
    "load": "storage",
    "MinpruneError": "errors",
    "InvalidTypeError": "errors",
    "InvalidValueError": "errors",
    "BudgetError": "errors",
    "DivergedError": "errors",
    "StorageError": "errors",
}
_MODULES = ("datasets", "errors", "inference", "nn", "pruning", "storage", "study", "testing")

__all__ = [*_HOME, "datasets"]


def __getattr__(name: str) -> object:
    if name in _HOME:
        value = getattr(import_module(f"minprune.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"minprune.{name}")
    else:
        from minprune.errors import did_you_mean

        raise AttributeError(f"minprune has no {name!r}{did_you_mean(name, __all__)}")
    globals()[name] = value  # from now on it is found without asking here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})


if TYPE_CHECKING:  # the same names once more, for those who read types and don't run
    from minprune import datasets
    from minprune.errors import (
        BudgetError,
        DivergedError,
        InvalidTypeError,
        InvalidValueError,
        MinpruneError,
        StorageError,
    )
    from minprune.inference.compaction import compact
    from minprune.inference.compilation import compile
    from minprune.inference.csr import CSR
    from minprune.inference.dense import DenseMatrix, PackedDense
    from minprune.inference.ell import ELL
    from minprune.inference.panels import Panels
    from minprune.inference.program import Program
    from minprune.nn.activations import GELU, LeakyReLU, ReLU, Sigmoid, Tanh
    from minprune.nn.gradcheck import gradcheck
    from minprune.nn.history import History
    from minprune.nn.layers import Dense, Dropout, Select
    from minprune.nn.learning_rates import CosineDecay, StepDecay
    from minprune.nn.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
    from minprune.nn.network import Network
    from minprune.nn.optimizers import SGD, Adam, AdamW
    from minprune.nn.parameter import Parameter
    from minprune.nn.penalties import L1, L2, GroupLasso
    from minprune.nn.training import fit
    from minprune.pruning.allocation import LAMP, ErdosRenyi, Global, PerLayer, Sensitivity, Uniform
    from minprune.pruning.criteria import (
        ActivationNorm,
        Activity,
        Fisher,
        GradientMagnitude,
        GraSP,
        Magnitude,
        Movement,
        NeuronTaylor,
        OptimalBrainSurgeon,
        Random,
        Saliency,
        SynFlow,
    )
    from minprune.pruning.iterations import prune_iteratively
    from minprune.pruning.masks import compose, shuffled
    from minprune.pruning.patterns import NM, Blocks, Neurons, Unstructured, Vectors
    from minprune.pruning.plan import Plan, plan
    from minprune.pruning.pruner import Pruner
    from minprune.pruning.regrowth import SET, RigL
    from minprune.pruning.schedules import Constant, Cubic, Custom, Geometric, Linear, OneShot
    from minprune.pruning.sensitivity import sensitivity
    from minprune.pruning.tickets import Ticket, lottery_ticket
    from minprune.storage import load, save
    from minprune.study.breakeven import breakeven
    from minprune.study.comparison import compare
    from minprune.study.complexity import analyze
    from minprune.study.controls import reinitialised, smaller
    from minprune.study.evaluation import evaluate
    from minprune.study.frontier import Breakeven
    from minprune.study.plots import (
        plot_activity,
        plot_breakeven,
        plot_history,
        plot_latency,
        plot_masks,
        plot_quality,
        plot_replay,
        plot_sweep,
        plot_weights,
        plot_where_it_pays,
    )
    from minprune.study.records import Sweep
    from minprune.study.replay import Replay, replay
    from minprune.study.sweep import sweep
    from minprune.study.timing import time_inference
