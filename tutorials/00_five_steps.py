# %% [markdown]
# # 0 · The five steps
#
# A bank has 30,000 customers with a credit card. Who will fail to pay next month? We train a network to say so. Then
# we take away nine of every ten of its weights, and ask what was lost: by the bank, and by the customer on the other
# side.
#
# Pruning goes in five steps: **choose** a criterion, **analyse** the network, **plan** what goes, **apply** the plan,
# **evaluate** what is left. Each has a section below, and later chapters take them apart one by one.
#
# How to read this book: something small is done by hand first, then at scale. What the text claims, the code below it
# asserts, so a chapter that runs to its end has told you the truth. Where the answer depends on the machine, the code
# measures and says who won.

# %%
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one thread, so that times mean the same everywhere; before NumPy

import numpy as np

import minprune as mp
from minprune.display import percent, table
from minprune.study import plots
from minprune.study.drawing import BLUE, INK, ORANGE, panels

here = Path(__file__).parent if "__file__" in globals() else Path.cwd()  # a notebook has no __file__
pictures = Path(os.environ.get("MINPRUNE_TUTORIAL_OUT", here / "images"))
pictures.mkdir(parents=True, exist_ok=True)


def keep(figure, name):
    """Save a picture, and return it so that a notebook shows it."""
    plots.save(figure, pictures / f"00_five_steps_{name}.png", dpi=120)
    return figure


# %% [markdown]
# ## By hand
#
# Here is a layer with two inputs and three outputs. Its answer is `y = x W`.
#
# ```
#         [ 0.10  −2.00   0.50 ]
#     W = [ 1.50  −0.30   0.05 ]
# ```
#
# Take away half of its weights. Which three? The simplest idea there is: **a weight near 0 does little, so the
# smallest go.** Size is what counts, not sign: −2 is large. Cross out three and write down a *mask*, True where a
# weight is kept.
#
# Then let x = (1, 1), and compute the answer before and after. How far off is it?

# %%
w = np.array([[0.10, -2.00, 0.50], [1.50, -0.30, 0.05]], np.float32)
mask_by_hand = np.array([[False, True, True], [True, False, False]])

tiny = mp.Network([mp.Dense.from_arrays(w)])
plan = mp.plan(tiny, mp.Magnitude(), sparsity=0.5)
assert np.array_equal(plan.masks["dense1.weight"], mask_by_hand)

x = np.ones((1, 2), np.float32)
pruned = plan.apply(tiny)
print("before", tiny(x)[0], "after", pruned(x)[0])
assert np.allclose(tiny(x), [[1.60, -2.30, 0.55]])
assert np.allclose(pruned(x), [[1.50, -2.00, 0.50]])
assert abs(pruned(x) - tiny(x)).max() < 0.301

# %% [markdown]
# Half of the weights are gone, and each answer moved by 0.3 at most. That is pruning. All the rest of this book is
# about three questions: is "small" really "unimportant"? How much can go? And what is it good for?
#
# One word for later. **Sparsity** is the share of weights that are gone: here 0.5.
#
# ## The customers
#
# For each customer there are 23 facts: the credit limit, age, education, and for each of six months how late the
# payment was, how large the bill and how much was paid. Numbers become percentiles, codes become columns of 0 and 1,
# so the network sees 60 inputs. *Train* is to learn from, *valid* to make choices by. *Test* we keep for the end.

# %%
data = mp.datasets.load("credit")
print(data)
assert len(data.train) + len(data.valid) + len(data.test) == 30_000
assert len(data.groups) == 23
assert data.train.x.shape[1] == 60

# %% [markdown]
# ## Before the first step: train a dense network
#
# Two hidden layers, of 256 and 128 neurons: 60·256 + 256·128 + 128·2 = 48,384 weights. Every neuron is connected with
# every neuron of the next layer; that is what *dense* means. Ten passes through the data take a second or two.

# %%
seed = 0
loss = mp.SoftmaxCrossEntropy()


def train(network, epochs, pruner=None):
    return mp.fit(
        network,
        data.train,
        valid=data.valid,
        loss=loss,
        optimizer=mp.Adam(mp.CosineDecay(1e-3)),
        penalty=mp.L2(1e-3),
        epochs=epochs,
        batch_size=128,
        pruner=pruner,
        rng=seed,
    )


dense = mp.Network.mlp([60, 256, 128, 2], rng=seed)
assert dense.weights == 60 * 256 + 256 * 128 + 128 * 2 == 48_384
print(train(dense, epochs=10))

# %% [markdown]
# An accuracy near 82 %. Is that good? Ask the laziest bank clerk there is, who says "will pay" to everybody.

# %%
lazy = mp.evaluate(lambda x: np.tile([1.0, 0.0], (len(x), 1)), data.valid)
ours = mp.evaluate(dense, data.valid)
print(f"accuracy: the lazy clerk {percent(lazy.accuracy)}, the network {percent(ours.accuracy)}")
print(f"AUC:      the lazy clerk {lazy.auc:.3f},  the network {ours.auc:.3f}")
assert round(lazy.accuracy, 3) == 0.779
assert lazy.auc == 0.5
assert abs(ours.accuracy - 0.82) < 0.01
assert ours.accuracy - lazy.accuracy < 0.05
assert ours.auc > 0.77

# %% [markdown]
# Four customers in five pay, so who never looks is right four times in five. **Accuracy hardly tells a good network
# from no network.** When weights go it will hardly move, and that would prove nothing.
#
# So we use **AUC**. Draw one customer who defaults and one who pays. AUC is the probability that the network gives
# the first one the higher risk. Guessing gives 0.5, the lazy clerk too. It is easy to compute from this sentence
# alone:

# %%
some = data.valid.take(range(300))
logits = dense(some.x)
risk = logits[:, 1] - logits[:, 0]
wins = [float(a > b) + 0.5 * float(a == b) for a in risk[some.y == 1] for b in risk[some.y == 0]]
print(f"{len(wins):,} pairs, AUC {np.mean(wins):.4f}")
assert np.isclose(np.mean(wins), mp.evaluate(dense, some).auc)

# %% [markdown]
# ## Step 1: choose a criterion
#
# A criterion gives each weight a score; the lowest scores go first. Three candidates:
#
# - `Magnitude`: the size of the weight, |w|. What you did by hand.
# - `GradientMagnitude`: the size of the slope, |∂L/∂w|. How much does the loss L change if the weight moves a little?
#   It sounds better: it has at least looked at the data.
# - `Random`: a lottery. A criterion that can't beat it has found nothing.
#
# Which one? Don't argue; prune, and look. We drop a share of the weights at once, with no training afterwards, and
# see what is left of the AUC on the validation part.

# %%
criteria = {"magnitude": mp.Magnitude(), "gradient": mp.GradientMagnitude(loss), "random": mp.Random(rng=seed)}
sparsities = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
one_shot = {name: [] for name in criteria}
for name, criterion in criteria.items():
    for sparsity in sparsities:
        found = mp.plan(dense, criterion, sparsity=sparsity, data=data.train).apply(dense)
        one_shot[name].append((sparsity, mp.evaluate(found, data.valid).auc))
print(
    table(
        ["criterion", *(percent(s, 0) for s in sparsities)],
        [[name, *(f"{auc:.3f}" for _, auc in points)] for name, points in one_shot.items()],
        title="Validation AUC when this share of the weights is dropped at once",
    )
)
auc = {(name, sparsity): value for name, points in one_shot.items() for sparsity, value in points}
assert auc["magnitude", 0.5] > auc["magnitude", 0.0] - 0.01  # half of the weights, for next to nothing
for sparsity in (0.5, 0.7, 0.8):
    assert auc["magnitude", sparsity] > auc["gradient", sparsity] + 0.01
    assert auc["magnitude", sparsity] > auc["random", sparsity] + 0.03
assert auc["magnitude", 0.95] < 0.77  # not everything can go

# %%
keep(
    plots.plot_quality(
        one_shot, metric="AUC on the validation part", title="Dropped at once, with no training after it"
    ),
    "one_shot",
)

# %% [markdown]
# The plain size of a weight wins, and the slope does badly. Why? Do it by hand. Let there be one weight, and let the
# loss be L(w) = (w − 3)². Training has done its work: w = 3, the bottom of the valley, where L = 0.
#
# The slope there is 2 (w − 3) = 0. So the gradient criterion says: drop it first, nothing depends on it. But dropping
# is not moving a little. It is going all the way to 0, where L = 9.
#
# A trained network sits near the bottom of its valley. Its slopes are less than a fiftieth of what they were before
# training, and large weights can have the smallest of them. Of the largest tenth of all weights, the gradient
# criterion would send more than one in ten away with the first half. How far the way to 0 is, the slope does not
# know. The magnitude does: it *is* the way.


# %%
def valley(w):
    return (w - 3) ** 2


slope = (valley(3 + 1e-6) - valley(3 - 1e-6)) / 2e-6
assert abs(slope) < 1e-9
assert valley(0) == 9


def flat(arrays):
    return np.concatenate([array.ravel() for array in arrays.values()])


untrained = mp.Network.mlp([60, 256, 128, 2], rng=seed)
slopes_then, slopes_now = (flat(criteria["gradient"].scores(net, data.train)) for net in (untrained, dense))
sizes = flat(criteria["magnitude"].scores(dense))
large = sizes > np.quantile(sizes, 0.9)
leave = float(np.mean(slopes_now[large] < np.median(slopes_now)))
print(f"mean slope before training {slopes_then.mean():.6f}, now {slopes_now.mean():.6f}")
print(f"of the largest tenth of the weights, the gradient drops {percent(leave)} with the first half")
assert slopes_now.mean() < slopes_then.mean() / 50
assert leave > 0.1

# %% [markdown]
# So `Magnitude` it is. It is one of the oldest criteria, and on a trained network still hard to beat. It is not
# perfect: a weight that is small because its input is large counts for too little. (Our inputs all have a similar
# scale. That is not by chance.)
#
# ## Step 2: analyse the network
#
# Know what you have before you cut. What is there to go, where is it, and is it being used?

# %%
complexity = mp.analyze(dense, data.valid.x)
print(complexity)

total, middle = complexity.total, complexity.layers[1]
assert total.weights == 48_384
assert 0.67 < middle.weights / total.weights < 0.68  # two thirds of the weights are in the middle layer
assert total.bytes == 4 * total.parameters  # a float32 has four bytes
assert total.flops == 2 * total.weights + 256 + 128 + 2  # a multiplication and an addition each, and the biases
assert complexity.paths == 60 * 256 * 128 * 2
first_layer, second_layer = complexity.layers[0], complexity.layers[1]
assert 0.45 < first_layer.mean_activity < 0.6
assert second_layer.mean_activity < first_layer.mean_activity
assert first_layer.silent.sum() + second_layer.silent.sum() > 0

# %% [markdown]
# Read it in three parts.
#
# - **Parameters.** Two thirds of the weights are in the middle layer. If there is much to gain, then there.
# - **Activity.** After a ReLU a neuron is often 0. Here a neuron of the first layer is active for about half of the
#   customers, one of the second for fewer. And a few are active for nobody. Their weights are there and do nothing.
# - **Connections.** *Fan-in* is how many weights lead into a neuron, *fan-out* how many lead out. Now everybody is
#   connected with everybody, which makes 60 · 256 · 128 · 2 = 3,932,160 paths from an input to an output. Watch this
#   number.
#
# ## Step 3: plan
#
# A plan says which weights go. It changes nothing; you can look at it, and think again.

# %%
plan = mp.plan(dense, mp.Magnitude(), sparsity=0.9)
print(plan)
assert plan.achieved == plan.requested == round(0.9 * 48_384) == 43_546
assert dense.sparsity == 0.0  # nothing has happened yet

# %% [markdown]
# All layers compete: the smallest weights of the whole network go, wherever they are. So the layers lose different
# shares, and the middle one, where there is plenty, loses most.
#
# (*Shared* says just that: no layer was asked for a number of its own.)
#
# A plan can give the reason for every single weight. Here are two from the first layer, and the input that each
# belongs to:

# %%
first = plan.masks["dense1.weight"]
for verdict in (True, False):
    at = tuple(int(i) for i in np.argwhere(first == verdict)[0])
    explanation = plan.explain("dense1.weight", at)
    print(f"{data.feature_names[at[0]]} → neuron {at[1]}: {explanation}")
    assert explanation.verdict == ("stays" if verdict else "goes")
    assert (explanation.score > explanation.cutoff) == verdict  # here, the cutoff is the largest score that goes

shares = {layer.name: layer.sparsity for layer in plan.layers}
assert max(shares, key=shares.get) == "dense2.weight"

# %% [markdown]
# *Rank 1 goes first*; the *budget* is how many go; the *cutoff* is the highest score among them.
#
# ### Ten equal weights
#
# A trap that has caught many. Ten weights are all equal, and half shall go. The obvious code takes the median as a
# threshold and compares. How many does it keep?

# %%
equal = np.ones((2, 5), np.float32)
median = np.median(equal)
print("kept by  >  median:", np.count_nonzero(equal > median))
print("kept by  >= median:", np.count_nonzero(equal >= median))
ten = mp.plan(mp.Network([mp.Dense.from_arrays(equal)]), mp.Magnitude(), sparsity=0.5)
print("kept by a plan:    ", np.count_nonzero(ten.masks["dense1.weight"]))

assert np.count_nonzero(equal > median) == 0
assert np.count_nonzero(equal >= median) == 10
assert ten.masks["dense1.weight"].tolist() == [[False] * 5, [True] * 5]  # five, and the earlier ones went

# %% [markdown]
# None, or all ten. Never five. Equal weights are no curiosity: a penalty can make thousands of them exactly 0.
#
# Here the count is the law. Exactly `round(sparsity · N)` weights go, whatever the scores. Among equals the earlier
# ones go first, so the same call gives the same mask.
#
# ## Step 4: apply
#
# First the plan as it is: everything at once, and no training after. `apply` returns a new network.

# %%
at_once = plan.apply(dense)
weight = at_once.parameters["dense2.weight"]
assert (weight.value[~weight.mask] == 0).all()
assert (weight.value[weight.mask] == dense.parameters["dense2.weight"].value[weight.mask]).all()
before, after = (mp.evaluate(network, data.valid).auc for network in (dense, at_once))
print(f"validation AUC: dense {before:.4f}, 90 % dropped at once {after:.4f}")
assert after < before - 0.02

# %% [markdown]
# That hurts. The weights that stayed had relied on those that went. So let them train again. There are two ways:
#
# - **one shot, then train:** drop all at once, then go on training with what is left;
# - **gradually:** drop a few, train a little, drop a few more. A `Pruner` does it inside `fit`. Its schedule
#   `Cubic(0, 0.5, updates=20)` makes twenty small cuts in the first half of the training, the larger ones first.
#
# Both get eight passes through the data. For a fair comparison the dense network gets eight more as well; it does not
# need them.


# %%
def pruned_by(schedule, sparsity, pattern=None):
    """Return a copy of the dense network, pruned on this schedule in eight epochs of training."""
    network = dense.copy()
    train(network, 8, mp.Pruner(mp.Magnitude(), sparsity=sparsity, schedule=schedule, pattern=pattern))
    return network


gradual = mp.Cubic(0, 0.5, updates=20)
ways = {"one shot, then train": mp.OneShot(at=0), "gradually": gradual}
networks = {(way, s): pruned_by(schedule, s) for way, schedule in ways.items() for s in (0.9, 0.98)}
longer = dense.copy()
train(longer, 8)

auc = {key: mp.evaluate(network, data.valid).auc for key, network in networks.items()}
longer_auc = mp.evaluate(longer, data.valid).auc
print(
    table(
        ["", "90 %", "98 %"],
        [[way, *(f"{auc[way, s]:.4f}" for s in (0.9, 0.98))] for way in ways],
        title=f"Validation AUC (dense {before:.4f}, and trained as long {longer_auc:.4f})",
    )
)
assert abs(longer_auc - before) < 0.004
assert all(auc[way, 0.9] > before - 0.006 for way in ways)
assert auc["gradually", 0.98] > auc["one shot, then train", 0.98] + 0.005

# %% [markdown]
# At 90 % training repairs nearly all of the damage, and both ways are as good. At 98 % they part: **who cuts
# gradually keeps more.** Going slowly costs nothing, so we do it from now on.
#
# While it trained, the network obeyed its masks: a weight that is gone is exactly 0, after every step. That is less
# obvious than it sounds. Momentum remembers old gradients and would push it off 0 again (exercise 3).

# %%
pruned = networks["gradually", 0.9]
assert pruned.kept == 48_384 - 43_546 == 4_838
for parameter in pruned.prunable.values():
    assert not parameter.value[~parameter.mask].any()
print(mp.analyze(pruned, data.valid.x))

# %%
keep(plots.plot_masks(pruned), "masks")

# %% [markdown]
# In the first layer the columns are the 60 inputs. The last twelve are the bills and payments, and with the first,
# the credit limit, they keep more than their share. Light columns are codes that few customers have.
#
# Compare with the table of step 2. Of nearly four million paths, fewer than one in fifty are left. Some inputs are
# not used by anybody. And nobody asked for neurons to go, but dozens are dead: their last weight went.

# %%
fan_out = pruned.parameters["dense1.weight"].mask.sum(axis=1)
amounts = np.array([name.startswith(("LIMIT", "BILL", "PAY_AMT")) for name in data.feature_names])
assert amounts.sum() == 13
assert fan_out[amounts].mean() > 2 * fan_out[~amounts].mean()
rare = data.train.x.mean(axis=0) < 0.05
assert fan_out[~amounts & rare].mean() < fan_out[~amounts & ~rare].mean()

left = mp.analyze(pruned)
assert left.paths < complexity.paths / 50
assert left.unused_inputs.any()
assert left.layers[1].dead.sum() > 24

# %% [markdown]
# ### Pack it
#
# A mask alone speeds up nothing. The zeros are stored, and multiplied by, like any other number. Chapter 8 shows why.
#
# `mp.compact` takes out what is dead: neurons without inputs or without listeners, inputs that nobody uses.
# `mp.compile` does that, then measures for each layer how best to compute what is left, here and at the batch size
# you name.

# %%
program = mp.compile(pruned, batch_size=1)
print(program)
assert np.allclose(program(data.test.x), pruned(data.test.x), atol=1e-5)  # the same function
assert mp.compact(pruned).weights < 0.75 * dense.weights

# %% [markdown]
# ## Step 5: evaluate
#
# Now, and only now, the test part. Quality, size, and the clock. *In theory* is what counting operations promises;
# beside it stands what was measured, for one customer at a time and for 256 at once.

# %%
models = {"dense": dense, "masked": pruned, "dense, packed": mp.compile(dense), "program": program}
comparison = mp.compare(models, data.test, batch_sizes=(1, 256), seconds=0.15)
print(comparison)

found = comparison.evaluations
assert found["dense"].auc > 0.775
assert found["program"].auc > found["dense"].auc - 0.006
assert abs(found["program"].accuracy - found["dense"].accuracy) < 0.01  # which proves nothing, as we saw
assert comparison.costs["masked"].nbytes == comparison.costs["dense"].nbytes  # a mask saves no byte
assert comparison.costs["program"].nbytes < 0.75 * comparison.costs["dense"].nbytes
for batch in (1, 256):
    gain = comparison.speedups[batch]["program"]
    verdict = "the program is faster" if gain > 1.05 else "the dense network is faster" if gain < 0.95 else "a draw"
    alone = comparison.speedups[batch]["dense, packed"]
    print(f"Here, at batch {batch}: {verdict} ({gain:.2f}×); packing alone gives {alone:.2f}×.")

# %% [markdown]
# Nine weights in ten are gone, and AUC fell by less than 0.006. But look at the times. Ten times fewer weights did
# not make it anything like ten times faster. For a single customer most of the gain is not even due to pruning, as
# *dense, packed* shows, in which nothing is pruned: the network is so small that NumPy spends its time on calling, not
# on computing, and a packed network calls less. And the weights that are left are scattered, so that the program
# holds, and multiplies by, many zeros still.
#
# Would it help if they were not scattered? Let whole *neurons* go instead of single weights. The masks then have
# complete rows and columns, and what is left is simply a smaller dense network.

# %%
slim = pruned_by(gradual, 0.9, pattern=mp.Neurons())
print(mp.compact(slim))
shapes = {"dense": dense, "weights": program, "neurons": mp.compile(slim)}
shapes = mp.compare(shapes, data.test, batch_sizes=(1, 256), seconds=0.1)
print(shapes)
assert mp.compact(slim).sparsity == 0  # no mask is needed any more
assert shapes.evaluations["neurons"].auc > found["dense"].auc - 0.008
assert shapes.costs["neurons"].nbytes < shapes.costs["dense"].nbytes / 8
assert shapes.speedups[256]["neurons"] > 1.5

# %% [markdown]
# The same share of weights, about the same AUC, a tenth of the bytes, and for many customers at once it is clearly
# faster. **How many weights go is one question; in what shape is another.** On this data the shape costs nothing.
# That is not a law of nature, and chapters to come look at where it does.
#
# ### The customer on the other side
#
# AUC is the bank's number. A customer sees something else: accepted, or refused. Say the bank wants to catch 80 % of
# those who will default. It refuses the riskiest customers until it has them. Among those it refuses are people who
# would have paid. Their share is called **false declines**: good customers, refused for nothing.

# %%
a, b = found["dense"], found["program"]
good = int(np.count_nonzero(data.test.y == 0))
print(f"Of {good:,} good customers {percent(a.false_declines)} are refused by the dense network,")
print(f"and {percent(b.false_declines)} by the pruned one.")
assert a.recall >= 0.8
assert b.recall >= 0.8  # both catch what was asked
assert 0.4 < a.false_declines < 0.48
assert -0.005 < b.false_declines - a.false_declines < 0.025

# %% [markdown]
# Catching 80 % is a harsh wish: more than four good customers in ten pay for it, with either network. Pruning adds
# about one in a hundred.
#
# One in a hundred on *average*. Who are they? A change of the average is the average of the changes in every group,
# each weighted by its good customers. So some group is always hit at least as hard as the average, and often harder.
# Let us look by education. (Codes with few customers are put together: two people make no statistic.)

# %%
columns = data.groups["EDUCATION"]
names = np.array([data.feature_names[column].removeprefix("EDUCATION=") for column in columns])
education = names[data.test.x[:, columns].argmax(axis=1)]
education[~np.isin(education, ["graduate school", "university", "high school"])] = "other"

by_dense = {g.group: g for g in mp.evaluate(dense, data.test, by=education).groups}
by_pruned = {g.group: g for g in mp.evaluate(program, data.test, by=education).groups}
size = {group: int(np.count_nonzero((education == group) & (data.test.y == 0))) for group in by_dense}
change = {group: by_pruned[group].false_declines - by_dense[group].false_declines for group in by_dense}
print(
    table(
        ["education", "good customers", "dense", "pruned", "points", "people"],
        [
            [
                g,
                f"{size[g]:,}",
                percent(by_dense[g].false_declines),
                percent(by_pruned[g].false_declines),
                f"{100 * change[g]:+.1f}",
                f"{size[g] * change[g]:+.0f}",
            ]
            for g in by_dense
        ],
        title="False declines",
    )
)
average = b.false_declines - a.false_declines
assert np.isclose(sum(size[g] * change[g] for g in size) / good, average)
assert max(change.values()) >= average - 1e-12
hardest = max(change, key=change.get)
print(f"Hit hardest: {hardest}, {100 * change[hardest]:+.1f} points, where the average is {100 * average:+.1f}.")
if size[hardest] < 500:
    people = round(size[hardest] * change[hardest])
    print(f"But the group is small: {people} people in {size[hardest]}, which may be chance.")

# %%
with panels([2.6], "Good customers refused, to catch 80 % of defaulters") as (figure, [axis]):
    order = sorted(by_dense, key=lambda group: by_dense[group].false_declines)
    for offset, colour, label, groups in ((0.2, BLUE, "dense", by_dense), (-0.2, ORANGE, "90 % pruned", by_pruned)):
        shares = [100 * groups[group].false_declines for group in order]
        bars = axis.barh(np.arange(len(order)) + offset, shares, 0.36, color=colour, label=label)
        axis.bar_label(bars, fmt="%.1f %%", padding=3, fontsize=8.5, color=INK)
    axis.set_yticks(range(len(order)), [f"{group} ({size[group]:,})" for group in order])
    axis.set_xlim(0, 70)
    axis.set_xlabel("false declines in %")
    axis.grid(False, axis="y")
    axis.legend(loc="lower right")
keep(figure, "false_declines")

# %% [markdown]
# Even the average of a group hides something. A customer does not move by one percentage point. She is accepted by
# one network and refused by the other. How many changed sides?


# %%
def refused(model, threshold):
    logits = model(data.test.x)
    return logits[:, 1] - logits[:, 0] >= threshold


was, now, pays = refused(dense, a.threshold), refused(program, b.threshold), data.test.y == 0
newly_refused, newly_accepted = (int(np.count_nonzero(pays & side)) for side in (~was & now, was & ~now))
print(f"{newly_refused} good customers are newly refused, {newly_accepted} newly accepted.")
assert np.isclose(newly_refused - newly_accepted, average * good)
assert newly_refused + newly_accepted > 2 * abs(newly_refused - newly_accepted)

# %% [markdown]
# Most of the change does not show in the average: it cancels. To the bank these networks are nearly the same. To some
# hundreds of customers they are not. Whoever replaces a network by a smaller one should know who these people are,
# before they call.
#
# ## What to take home
#
# 1. A criterion, an analysis, a plan, its application, an evaluation. Keep them apart, and each is simple.
# 2. In a trained network the small weights matter little. Half of them went for nothing, nine in ten for some
#    training.
# 3. The count is exact, and a weight that is gone stays gone.
# 4. Fewer weights are not less time. What counts is their shape, and only the clock can tell.
# 5. Choose a number that can see the loss, and look behind the average.
#
# ## Exercises
#
# Try each before you look; the answers are below, and they are asserted like everything else.
#
# 1. In one shot, with no training after it: how far can `Magnitude` go before the validation AUC has lost 0.01? Find
#    it to within one percent, with as few plans as you can.
# 2. Is the loss of AUC real, or luck with these 6,000 customers? Draw 6,000 of them with replacement, again and
#    again, and look at the difference of the two networks each time. (This is called the *bootstrap*.)
# 3. Write one step of momentum, `v ← 0.9 v + g; w ← w − 0.1 v`, for a weight that has just been dropped: w = 0, g =
#    0, and v = 1 from before. What happens? What are the two things that have to be set to 0?
# 4. Compare the false declines of the quarter of customers with the lowest credit limits and of the quarter with the
#    highest. Does pruning change the picture, or was it there before?
#
# ---
#
# *Answers from here on.*


# %%
def answer_1():
    """Bisection: each plan halves the interval, so seven plans take 1 down to less than 0.01."""
    low, high = 0.0, 0.99
    while high - low > 0.01:
        middle = (low + high) / 2
        found = mp.evaluate(mp.plan(dense, mp.Magnitude(), sparsity=middle).apply(dense), data.valid).auc
        low, high = (middle, high) if found > ours.auc - 0.01 else (low, middle)
    assert 0.6 < low < 0.95
    return f"up to about {percent(low, 0)}"


def area(risk, y):
    """AUC from ranks: how many of the pairs (defaults, pays) are in the right order, without forming them."""
    rank = np.empty(len(risk))
    rank[np.argsort(risk)] = np.arange(len(risk))
    defaults = np.count_nonzero(y)
    return (rank[y == 1].sum() - defaults * (defaults - 1) / 2) / (defaults * (len(y) - defaults))


def answer_2():
    """The loss is small, and hardly luck: nearly every draw has it."""
    y = data.test.y
    risks = [np.subtract(*model(data.test.x).T[::-1]) for model in (dense, program)]
    assert np.isclose(area(risks[0], y), found["dense"].auc, atol=1e-4)
    draws = np.random.default_rng(seed).integers(len(y), size=(300, len(y)))
    lost = [area(risks[0][rows], y[rows]) - area(risks[1][rows], y[rows]) for rows in draws]
    low, high = np.quantile(lost, [0.025, 0.975])
    assert 0 < np.mean(lost) < 0.006
    assert np.mean(np.array(lost) > 0) > 0.8
    return f"the loss is {np.mean(lost):.4f}, and in 95 % of the draws between {low:.4f} and {high:.4f}"


def answer_3():
    """The weight comes back to life. Its gradient and its momentum have to be cleared, not its value alone."""
    w, v, g = 0.0, 1.0, 0.0
    v = 0.9 * v + g
    w = w - 0.1 * v
    assert np.isclose(w, -0.09)
    return f"w = {w:g}: revived by its own past"


def answer_4():
    """It was there before: with either network, those with little credit are refused more than twice as often."""
    limit = data.test.x[:, data.feature_names.index("LIMIT_BAL")]
    quarter = np.searchsorted(np.quantile(limit, [0.25, 0.5, 0.75]), limit)
    shares = []
    for model in (dense, program):
        groups = mp.evaluate(model, data.test, by=quarter).groups
        shares += [groups[0].false_declines, groups[-1].false_declines]
        assert shares[-2] > 2 * shares[-1]
    return "lowest and highest limits: dense {:.0%} and {:.0%}, pruned {:.0%} and {:.0%}".format(*shares)


for answer in (answer_1, answer_2, answer_3, answer_4):
    print(f"{answer.__name__}: {answer()}.\n   {answer.__doc__}")
