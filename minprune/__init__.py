"""minprune: the textbook of neural-network pruning that runs."""

from minprune.nn.activations import GELU, LeakyReLU, ReLU, Sigmoid, Tanh
from minprune.nn.gradcheck import gradcheck
from minprune.nn.layers import Dense, Dropout, Select
from minprune.nn.learning_rates import CosineDecay, StepDecay
from minprune.nn.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from minprune.nn.network import Network
from minprune.nn.optimizers import SGD, Adam, AdamW
from minprune.nn.parameter import Parameter
from minprune.nn.penalties import L1, L2, GroupLasso
from minprune.nn.training import History, fit
from minprune.pruning.allocation import Global, PerLayer, Uniform
from minprune.pruning.criteria import GradientMagnitude, Magnitude, Random
from minprune.pruning.masks import compose, shuffled
from minprune.pruning.patterns import Neurons, Unstructured
from minprune.pruning.plan import Plan, plan
from minprune.pruning.pruner import Pruner
from minprune.pruning.schedules import Cubic, OneShot

__version__ = "0.1.0"
