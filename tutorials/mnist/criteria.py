"""Which weights? Every criterion from the same dense networks: LeNet-300-100 on MNIST, one shot, then fine-tuning.

    python tutorials/mnist/criteria.py

Three dense networks (30 epochs) are each pruned at once by every criterion to every sparsity, and trained on for 10
epochs: SGD with momentum 0.9 and a cosine from 0.1, L2 1e-4. Two ways to share the budget: `Global` asks that a
criterion's scores mean the same in every layer; `ErdosRenyi`, at one sparsity, fixes the layers' counts, so that only
the order within a layer counts. Whole neurons are judged by those criteria that can. Random is the control.

Nothing was chosen on the test set: the learning rate of the fine-tuning is the best of three (0.01, 0.03, 0.1) for
magnitude at 95 % on the validation part (`--choose` does it again), and is the same for all.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported

from functools import partial
from statistics import mean

from common import at, error, keep, lenet, parser, part, train
from matplotlib.figure import Figure

import minprune as mp
from minprune.display import table
from minprune.pruning.criteria import Criterion
from minprune.study import plots
from minprune.study.records import Sweep

LOSS = mp.SoftmaxCrossEntropy()
SEEDS, SPARSITIES, SHARES = (0, 1, 2), (0.9, 0.95, 0.98), (0.5, 0.8)
EPOCHS, TUNING, RATE = 30, 10, 0.1


class MovementOnTheWay(Criterion):
    """`Movement` scores a training. This takes two more epochs of it on a copy, and scores those."""

    needs_data = True

    def scores(self, network: mp.Network, data: object = None) -> dict:
        movement, copy = mp.Movement(), network.copy()
        sgd = mp.SGD(0.01, momentum=0.9)
        mp.fit(copy, data, loss=LOSS, optimizer=sgd, epochs=2, callbacks=[movement], rng=0)
        return movement.scores(copy)


WEIGHTS = {
    "Magnitude": mp.Magnitude(),
    "GradientMagnitude": mp.GradientMagnitude(LOSS),
    "Saliency (SNIP, Taylor)": mp.Saliency(LOSS),
    "Fisher": mp.Fisher(LOSS),
    "Movement": MovementOnTheWay(),
    "ActivationNorm (Wanda)": mp.ActivationNorm(),
    "SynFlow": mp.SynFlow(),
    "GraSP": mp.GraSP(LOSS),
    "OptimalBrainSurgeon": mp.OptimalBrainSurgeon(),
}
NEURONS = {
    "Magnitude": mp.Magnitude(),
    "Fisher": mp.Fisher(LOSS),
    "Activity (APoZ)": mp.Activity(),
    "NeuronTaylor": mp.NeuronTaylor(LOSS),
}


def training(network: mp.Network, seed: int, *, epochs: int, lr: float, name: str, rows: int | None) -> None:
    train(network, part(name, rows), epochs=epochs, seed=seed, lr=lr)


def judged(network: mp.Network, *, name: str, rows: int | None) -> dict[str, float]:
    return {"error": 100 * error(network, part(name, rows))}


def sample(*, name: str, rows: int | None) -> object:
    return part(name, min(5000, rows or 5000))


def prune(args, criteria, sparsities, seeds, pattern, allocations, folder, *, tune=RATE, on="test") -> Sweep:
    """Sweep with the recipe of this table."""
    name = "train" if on == "valid" else "train_and_valid"
    return mp.sweep(
        lenet,
        criteria,
        sparsities,
        seeds,
        train=partial(training, epochs=args.epochs, lr=0.1, name=name, rows=args.rows),
        finetune=partial(training, epochs=args.tuning, lr=tune, name=name, rows=args.rows),
        evaluate=partial(judged, name=on, rows=args.rows),
        data=partial(sample, name=name, rows=args.rows),
        patterns={type(pattern).__name__: pattern},
        allocations={type(one).__name__: one for one in allocations},
        controls=["dense", "random"],
        folder=args.runs / folder,
        workers=args.workers,
    )


def lines(found: Sweep, metric: str) -> str:
    return f"```\n{found.table(metric)}\n```"


def main() -> None:
    arguments = parser(__doc__, "criteria")
    arguments.add_argument("--epochs", type=int, default=EPOCHS)
    arguments.add_argument("--tuning", type=int, default=TUNING)
    arguments.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    arguments.add_argument("--sparsities", type=float, nargs="+", default=SPARSITIES)
    arguments.add_argument("--shares", type=float, nargs="+", default=SHARES, help="sparsities of whole neurons")
    arguments.add_argument(
        "--choose", action="store_true", help="measure learning rates on the validation part, and stop"
    )
    args = arguments.parse_args()

    if args.choose:
        rows = []
        for rate in (0.01, 0.03, 0.1):
            some = {"Magnitude": WEIGHTS["Magnitude"]}
            found = prune(
                args, some, [0.95], [100, 101], mp.Unstructured(), [mp.Global()], f"lr-{rate}", tune=rate, on="valid"
            )
            rows.append([rate, f"{mean(r['error'] for r in found.records if r['criterion']):.2f}"])
        print(table(["lr of fine-tuning", "validation error %"], rows, title="Magnitude at 95 %, two seeds"))
        return

    middle = args.sparsities[len(args.sparsities) // 2]
    single = prune(args, WEIGHTS, args.sparsities, args.seeds, mp.Unstructured(), [mp.Global()], "weights")
    fixed = prune(args, WEIGHTS, [middle], args.seeds, mp.Unstructured(), [mp.ErdosRenyi()], "weights")
    whole = prune(args, NEURONS, args.shares, args.seeds, mp.Neurons(), [mp.Global()], "neurons")
    body = "\n\n".join(
        [
            f"Test error in %, mean ± sd of {len(args.seeds)} seeds, after {args.tuning} epochs of fine-tuning; layers "
            "ranked together (`Global`).",
            lines(single, "error"),
            "The same before fine-tuning: what the criterion alone saves.",
            lines(single, "error_before"),
            "The same with `ErdosRenyi`, which fixes how many each layer keeps, after fine-tuning and before.",
            lines(fixed, "error"),
            lines(fixed, "error_before"),
            f"Whole neurons ({', '.join(map(at, args.shares))} of the weights), after fine-tuning and before.",
            lines(whole, "error"),
            lines(whole, "error_before"),
            *(verdicts(single, s) for s in args.sparsities),
            verdicts(fixed, middle),
        ]
    )
    keep(
        args.out,
        "mnist_criteria",
        "Criteria side by side: LeNet-300-100 on MNIST, one shot and fine-tuning",
        "python tutorials/mnist/criteria.py",
        body,
        draw(single),
    )


def verdicts(found: Sweep, sparsity: float) -> str:
    """Say for one sparsity who does better than magnitude, before fine-tuning and after, and who worse than random."""
    text = []
    for metric, when in (("error_before", "before fine-tuning"), ("error", "after")):
        rows = [r for r in found.summary(metric) if r["sparsity"] == sparsity]
        errors = {r["criterion"] or r["control"]: r["mean"] for r in rows}
        random, magnitude = errors.pop("random"), errors["Magnitude"]
        better = [f"{name} ({value:.2f})" for name, value in errors.items() if value < magnitude]
        worse = [f"{name} ({value:.2f})" for name, value in errors.items() if value > random]
        text.append(
            f"{when}, magnitude has {magnitude:.2f} % and random {random:.2f} %; better than magnitude: "
            f"{', '.join(better) or 'none'}; worse than random: {', '.join(worse) or 'none'}"
        )
    return f"At {at(sparsity)} with {rows[0]['allocation']}: {'. And '.join(text)}."


def draw(found: Sweep) -> Figure:
    """Draw the errors after fine-tuning, without those that would leave no room for the others."""
    near = tuple(r for r in found.records if r["criterion"] != "GraSP" and r["control"] != "random")
    title = "Test error in % after fine-tuning, one shot, Global\n(GraSP and random are far above)"
    return plots.plot_sweep(Sweep(near, found.metrics), metric="error", title=title)


if __name__ == "__main__":
    main()
