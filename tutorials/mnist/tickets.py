"""Lottery tickets: is it the mask, the weights, or both? LeNet-300-100 on MNIST.

    python tutorials/mnist/tickets.py

From each of three initial networks a ticket is found by twelve rounds of training, magnitude pruning and rewinding to
the initial weights. On the way it passes five sparsities from 80 to 98 %. At each of them, three networks with the same
number of weights in every layer are trained alike:

    ticket          the masks found, the initial weights they were found with
    reinitialised   the same masks, other initial weights
    shuffled        the same initial weights, as many kept in each layer but others

If a ticket wins, it beats both. Every training is 12 epochs of Adam (1.2e-3) with batches of 128 on all 60,000 images;
nothing was tuned, and each network is tested once.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported

from functools import partial
from statistics import mean

import numpy as np
from common import at, error, keep, lenet, parser, part, spread

import minprune as mp
from minprune.display import table
from minprune.study import plots
from minprune.study.controls import reinitialised, shuffled_in_layers
from minprune.study.records import Sweep
from minprune.study.runs import run_all

ROUNDS, LAST, SEEDS = 12, 0.98, (0, 1, 2)
SHOWN = (5, 7, 9, 11, 12)  # rounds: 80.4, 89.8, 94.7, 97.2 and 98 % of the weights are gone then
KINDS = ("ticket", "reinitialised", "shuffled")


def recipe(epochs: int, seed: int) -> dict[str, object]:
    return {"loss": mp.SoftmaxCrossEntropy(), "optimizer": mp.Adam(1.2e-3), "epochs": epochs, "rng": seed}


def find(*, seed: int, epochs: int, rows: int | None) -> dict[str, object]:
    """Find a ticket; return the error of each round's network, and the masks of the rounds that are shown."""
    test = part("test", rows)
    ticket = mp.lottery_ticket(
        lenet(seed), part("train_and_valid", rows), sparsity=LAST, rounds=ROUNDS, **recipe(epochs, seed)
    )
    result: dict[str, object] = {
        "errors": [error(one.trained, test) for one in ticket.rounds],
        "sparsities": [one.sparsity for one in ticket.rounds],
        "epochs_loss": [one.history["loss"][-1] for one in ticket.rounds],
    }
    for number in SHOWN:
        masks = ticket.at(number).masks
        result |= {f"{number} {name}": mask for name, mask in masks.items()}
    return result


def control(*, seed: int, round: int, kind: str, epochs: int, rows: int | None, masks: dict) -> dict[str, object]:
    """Train a control of the ticket of one round."""
    network = lenet(seed)
    rng = np.random.default_rng([seed, round, KINDS.index(kind)])
    if kind == "shuffled":
        network = shuffled_in_layers(network, masks, rng=rng)
    else:
        for name, mask in masks.items():
            network.parameters[name].mask = mask
        network = reinitialised(network, rng=rng)
    mp.fit(network, part("train_and_valid", rows), **recipe(epochs, seed))
    return {"error": error(network, part("test", rows)), "sparsity": network.sparsity}


def main() -> None:
    arguments = parser(__doc__, "tickets")
    arguments.add_argument("--epochs", type=int, default=12)
    arguments.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    args = arguments.parse_args()
    common = {"epochs": args.epochs, "rows": args.rows}
    does = partial(run_all, folder=args.runs, workers=args.workers)

    tickets = does(find, [{"seed": seed, **common} for seed in args.seeds], label="tickets")
    found = {record["seed"]: record for record in tickets}

    def masks_of(task: dict) -> dict[str, object]:
        begins = f"{task['round']} "
        masks = {
            key.removeprefix(begins): value for key, value in found[task["seed"]].items() if key.startswith(begins)
        }
        return {"masks": masks}

    tasks = [
        {"seed": seed, "round": number, "kind": kind, **common}
        for seed in args.seeds
        for number in SHOWN
        for kind in KINDS[1:]
    ]
    controls = does(control, tasks, shared=masks_of, label="controls")

    errors = {(kind, number): [] for kind in KINDS for number in SHOWN}
    for seed in args.seeds:
        for number in SHOWN:
            errors["ticket", number].append(found[seed]["errors"][number])
    for record in controls:
        errors[record["kind"], record["round"]].append(record["error"])
    levels = {number: found[args.seeds[0]]["sparsities"][number] for number in SHOWN}
    dense = [found[seed]["errors"][0] for seed in args.seeds]

    rows = [[kind, *(spread(errors[kind, number]) for number in SHOWN)] for kind in KINDS]
    text = table(
        ["test error %", *(at(round(levels[number], 3)) for number in SHOWN)],
        rows,
        title=f"Mean ± sd of {len(args.seeds)} seeds; dense {spread(dense)}",
    )
    gaps = ", ".join(
        f"{at(round(levels[n], 3))}: {100 * (mean(errors[kind, n]) - mean(errors['ticket', n])):+.2f} {kind}"
        for n in SHOWN
        for kind in KINDS[1:]
    )
    body = f"```\n{text}\n```\n\nBy how much a control is worse than the ticket, in percentage points: {gaps}."
    keep(
        args.out,
        "mnist_tickets",
        "Lottery tickets and their controls: LeNet-300-100 on MNIST",
        "python tutorials/mnist/tickets.py",
        body,
        plots.plot_sweep(as_sweep(errors, levels, dense), title="Test error of lottery tickets and controls, in %"),
    )


def as_sweep(errors: dict, levels: dict, dense: list) -> Sweep:
    """Return the same figures as records, to be drawn with bands."""
    asked = {"allocation": "Global", "pattern": "Unstructured"}
    records = [
        asked
        | {"control": None if kind == "ticket" else kind, "criterion": "ticket", "sparsity": levels[number]}
        | {"seed": seed, "error": 100 * value}
        for (kind, number), values in errors.items()
        for seed, value in enumerate(values)
    ]
    plain = {"control": "dense", "criterion": None, "allocation": None, "pattern": None, "sparsity": 0.0}
    records += [plain | {"seed": seed, "error": 100 * value} for seed, value in enumerate(dense)]
    return Sweep(tuple(records), ("error",))


if __name__ == "__main__":
    main()
