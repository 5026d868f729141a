"""LeNet-300-100 on MNIST at six sparsities, five seeds, beside what was published.

    python tutorials/mnist/headline.py

Two stages, and the test set is looked at in the last line of the second only:

1. *Choose.* Each recipe is trained on 50,000 images at each sparsity, with two seeds, and judged by the 10,000 of the
   validation part. The recipe with the lowest error in the mean over all sparsities and seeds stands. (At one sparsity
   two seeds can't tell them apart. We first chose sparsity by sparsity: at 98.5 % that took an L2 of 1e-4, and tested
   at 2.02 ± 0.13 %.)
2. *Report.* That recipe is trained on all 60,000 with five other seeds, and each network is tested once.

Every recipe is 60 epochs of SGD with momentum 0.9, a cosine from 0.1 to 0 and batches of 128, with magnitude pruning
along Zhu and Gupta's cubic from 10 to 80 % of the training. What differs is how the layers share the budget, and the L2
penalty. Runs go side by side, one BLAS thread each; a stopped program goes on where it was.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported

from statistics import mean

from common import at, error, keep, lenet, parser, part, spread, train
from matplotlib.figure import Figure

import minprune as mp
from minprune.display import table
from minprune.study.charts import plot_quality
from minprune.study.runs import run_all

SPARSITIES = (0.8, 0.9, 0.95, 0.98, 0.985, 0.99)
ALLOCATIONS = {"Global": mp.Global, "LAMP": mp.LAMP, "ErdosRenyi": mp.ErdosRenyi}
RECIPES = [
    {"allocation": "Global", "end": 0.8, "l2": 1e-4},
    {"allocation": "Global", "end": 0.8, "l2": 4e-4},
    {"allocation": "LAMP", "end": 0.8, "l2": 2e-4},
]
CHOOSING, REPORTING = (100, 101), (0, 1, 2, 3, 4)
BARS = {0.95: 0.0155, 0.985: 0.019, 0.99: 0.023}  # what we set out to reach
HONESTY = (
    "One recipe for all sparsities, by the mean of its validation errors. We first chose one for each sparsity, by two "
    "seeds: that took Global with an L2 of 1e-4 at 98.5 %, which tested at 2.02 ± 0.13 %, and LAMP at 90 %, which "
    "tested at 1.47 ± 0.06 %. The rule was changed after that was seen, so at these two the test set was looked at "
    "twice."
)
PUBLISHED = [  # test error of LeNet-300-100, as each paper states it
    ("SNIP", 0.95, 0.016, "Lee, Ajanthan & Torr (2019)"),
    ("SNIP", 0.98, 0.024, "Lee, Ajanthan & Torr (2019)"),
    ("DNS", 0.982, 0.0199, "Guo, Yao & Chen (2016)"),
    ("Sparse VD", 0.985, 0.0192, "Molchanov, Ashukha & Vetrov (2017)"),
    ("L-OBS", 0.985, 0.020, "Dong, Chen & Pan (2017)"),
    ("LC", 0.99, 0.032, "Carreira-Perpiñán & Idelbayev (2018)"),
]


def run(
    *, stage: str, sparsity: float, seed: int, epochs: int, rows: int | None, allocation: str, end: float, l2: float
) -> dict[str, object]:
    """Train one network; judge it by the part that its stage may see."""
    pruner = None
    if sparsity:
        schedule = mp.Cubic(0.1, end, updates=50)
        pruner = mp.Pruner(mp.Magnitude(), sparsity=sparsity, schedule=schedule, allocation=ALLOCATIONS[allocation]())
    network = lenet(seed)
    choosing = stage == "choose"
    history = train(
        network,
        part("train" if choosing else "train_and_valid", rows),
        epochs=epochs,
        seed=seed,
        l2=l2,
        pruner=pruner,
    )
    judge = part("valid" if choosing else "test", rows)
    return {
        "error": error(network, judge),
        "loss": mp.evaluate(network, judge).log_loss,
        "kept": {name: p.kept for name, p in network.prunable.items()},
        "seconds": round(sum(history["seconds"]), 1),
    }


def name_of(recipe: dict[str, object]) -> str:
    return f"{recipe['allocation']}, cubic to {100 * recipe['end']:.0f} %, L2 {recipe['l2']:g}"


def main() -> None:
    arguments = parser(__doc__, "headline")
    arguments.add_argument("--epochs", type=int, default=60)
    arguments.add_argument("--sparsities", type=float, nargs="+", default=SPARSITIES)
    arguments.add_argument("--seeds", type=int, nargs="+", default=REPORTING)
    args = arguments.parse_args()
    common = {"epochs": args.epochs, "rows": args.rows}

    choosing = [
        {"stage": "choose", "sparsity": s, "seed": seed, **common, **recipe}
        for s in args.sparsities
        for recipe in RECIPES
        for seed in CHOOSING
    ]
    seen = run_all(run, choosing, folder=args.runs, workers=args.workers, label="choosing")
    found = [
        [
            mean(
                r["error"] for r in seen if r["sparsity"] == s and all(r[key] == value for key, value in recipe.items())
            )
            for s in args.sparsities
        ]
        for recipe in RECIPES
    ]
    chosen = RECIPES[min(range(len(RECIPES)), key=lambda i: mean(found[i]))]

    reporting = [
        {"stage": "report", "sparsity": s, "seed": seed, **common, **recipe}
        for s, recipe in [
            (0.0, {"allocation": "", "end": 1.0, "l2": chosen["l2"]}),
            *((s, chosen) for s in args.sparsities),
        ]
        for seed in args.seeds
    ]
    reported = run_all(run, reporting, folder=args.runs, workers=args.workers, label="reporting")

    errors = {s: [r["error"] for r in reported if r["sparsity"] == s] for s in (0.0, *args.sparsities)}
    rows = [
        [
            at(s),
            f"{sum(next(r for r in reported if r['sparsity'] == s)['kept'].values()):,}",
            spread(values),
            "" if s not in BARS else f"≤ {100 * BARS[s]:.2f} {'reached' if mean(values) <= BARS[s] else 'MISSED'}",
            f"{mean(r['seconds'] for r in reported if r['sparsity'] == s):.0f} s",
        ]
        for s, values in errors.items()
    ]
    first = table(
        ["sparsity", "weights kept", "test error %", "to reach", "a run"],
        rows,
        title=f"{name_of(chosen)}; mean ± sd of {len(args.seeds)} seeds, each network tested once",
    )
    second = table(
        ["published", "sparsity", "test error %", "paper"],
        [[name, at(s), f"{100 * value:.2f}", paper] for name, s, value, paper in PUBLISHED],
        title="What was published for this network",
        left=1,
    )
    third = table(
        ["validation error %", *(at(s) for s in args.sparsities), "mean"],
        [
            [name_of(recipe), *(f"{100 * value:.2f}" for value in (*errors_of, mean(errors_of)))]
            for recipe, errors_of in zip(RECIPES, found, strict=True)
        ],
        title=f"How the recipe was chosen: mean of seeds {CHOOSING[0]} and {CHOOSING[1]}",
    )
    body = "\n\n".join(f"```\n{text}\n```" for text in (first, second, third)) + "\n\n" + HONESTY
    keep(
        args.out,
        "mnist_headline",
        "LeNet-300-100 on MNIST, pruned while it trains",
        "python tutorials/mnist/headline.py",
        body,
        draw(errors),
    )


def draw(errors: dict[float, list[float]]) -> Figure:
    """Draw our errors, and what was published, against sparsity."""
    rows = {"minprune": [(s, 100 * value) for s, values in errors.items() if s for value in values]}
    for name, s, value, _ in PUBLISHED:
        rows.setdefault(name, []).append((s, 100 * value))
    return plot_quality(
        rows,
        metric="test error in %",
        baseline=100 * mean(errors[0.0]),
        title="LeNet-300-100 on MNIST: our runs, each seed a dot, and published results",
    )


if __name__ == "__main__":
    main()
