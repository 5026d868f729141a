# %% [markdown]
# # 8 · Sparse products: why a mask speeds nothing up, and what does
#
# You pruned nine weights in ten. The network takes as much memory as before, and its answer as long. Why? And what
# has to be done so that a weight that is gone costs nothing?
#
# In this chapter you pack a matrix by hand and multiply with it by hand. Then you do the same in a slow loop, then in
# three NumPy calls. Then you time it against the dense product and find out where it wins **on your machine**. Expect
# a surprise: mostly it loses.
#
# You need to know what a `Dense` layer computes, `y = x W + b`. What the text claims, the code below it asserts.
# Where the answer depends on the machine, the code measures and tells you. One thread computes throughout: more would
# help the dense product alone, and on a busy machine they wait for each other. (To see what yours do, set
# `OPENBLAS_NUM_THREADS=2` before you start.)

# %%
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one thread for BLAS too; it reads this when NumPy is imported

import numpy as np

import minprune as mp
from minprune.display import percent, size, table
from minprune.study import plots
from minprune.study.drawing import BLUE, MUTED, ORANGE, panels
from minprune.study.timing import blas, time_in_turns

here = Path(__file__).parent if "__file__" in globals() else Path.cwd()  # a notebook has no __file__
pictures = Path(os.environ.get("MINPRUNE_TUTORIAL_OUT", here / "images"))
pictures.mkdir(parents=True, exist_ok=True)


def keep(figure, name):
    """Save a picture, and return it so that a notebook shows it."""
    plots.save(figure, pictures / f"08_sparse_matmul_{name}.png", dpi=120)
    return figure


rng = np.random.default_rng(0)
print(blas())

# %% [markdown]
# ## A mask speeds nothing up
#
# Take a network and drop 95 % of its weights. In the masked network they are exactly 0. So 95 % of the
# multiplications are multiplications by 0, and could be skipped.
#
# They are not. `x @ W` is one call to BLAS, a library that does nothing but multiply dense matrices, and does it
# superbly. It loads every weight and multiplies by every weight. It never asks whether one is 0: the question would
# cost more than the multiplication.
#
# The two networks take turns below, so that a slow moment of the machine hits both alike. The ratio of their times is
# near 1. (The bound in the code is wide, so that no busy machine breaks it.)

# %%
net = mp.Network.mlp([1024, 1024, 10], rng=0)
masked = mp.plan(net, mp.Magnitude(), sparsity=0.95).apply(net)
x = rng.standard_normal((256, 1024), dtype=np.float32)

turns = time_in_turns({"dense": net, "masked": masked}, x, batch_size=1, seconds=0.2)
print(turns)
assert 0.5 < turns.speedup("masked", "dense") < 2
assert mp.analyze(masked).total.bytes == mp.analyze(net).total.bytes  # nor is it smaller

# %% [markdown]
# A mask is a plan for a gain. To cash it in, we must stop storing the zeros, and stop multiplying by them.
#
# ## By hand
#
# Here is a matrix W with 3 rows and 4 columns. Eight of its twelve entries are gone, so its sparsity is 8/12.
#
# ```
#         column  0  1  2  3
#       row 0   [ 5  0  0  7 ]
#       row 1   [ 0  0  0  0 ]
#       row 2   [ 0  8  6  0 ]
# ```
#
# Take a pencil. Go through the rows from left to right, and write down three lists:
#
# - **data**: every entry that is left;
# - **indices**: the column of each;
# - **indptr**: how many entries you had written down *before* each row, and at the very end. It has one more number
#   than there are rows.
#
# The last list is what tells the rows apart. Row r is `data[indptr[r]:indptr[r + 1]]`, and nothing else.
#
# The solution is in the next cell. This is *compressed sparse rows*, CSR, the commonest way to store a sparse matrix.

# %%
w = np.array([[5, 0, 0, 7], [0, 0, 0, 0], [0, 8, 6, 0]], np.float32)

data_by_hand = [5, 7, 8, 6]
indices_by_hand = [0, 3, 1, 2]
indptr_by_hand = [0, 2, 2, 4]

assert data_by_hand[0:2] == [5, 7]  # row 0
assert data_by_hand[2:2] == []  # row 1 is empty: indptr does not move
assert data_by_hand[2:4] == [8, 6]  # row 2

# %% [markdown]
# Now multiply. Let x = (1, 2, 3, 4). For each row, take the numbers of x at that row's indices, multiply, add:
#
# ```
# y0 = 5·x0 + 7·x3 = 5·1 + 7·4 = 33
# y1 =                            0
# y2 = 8·x1 + 6·x2 = 8·2 + 6·3 = 34
# ```
#
# Four multiplications instead of twelve: one for each entry that is left.
#
# ## In a slow loop
#
# What you did with a pencil, word for word in Python. It is slow, and it is obviously right. That makes it our
# *oracle*: whatever we write later has to agree with it.


# %%
def pack(w):
    """Go through the rows; write down each entry that is not 0, its column, and where the rows end."""
    data, indices, indptr = [], [], [0]
    for row in w.tolist():
        for column, value in enumerate(row):
            if value != 0:
                data.append(value)
                indices.append(column)
        indptr.append(len(data))
    return data, indices, indptr


def slow_product(data, indices, indptr, x):
    """Return W x, one multiplication at a time."""
    y = []
    for row in range(len(indptr) - 1):
        total = 0.0
        for k in range(indptr[row], indptr[row + 1]):
            total += data[k] * x[indices[k]]
        y.append(total)
    return y


assert pack(w) == (data_by_hand, indices_by_hand, indptr_by_hand)
assert slow_product(*pack(w), [1, 2, 3, 4]) == [33, 0, 34]

# %% [markdown]
# ## In three NumPy calls
#
# In Python most of the time goes into turning the loop, hardly any into multiplying. So let NumPy turn it. One call
# for each of the three things you did:
#
# ```
# gather    x.take(indices)      [  x0   x3   x1   x2 ]
# multiply  · data               [ 5x0  7x3  8x1  6x2 ]
# add       np.add.reduceat      [ 5x0 + 7x3,   ?,   8x1 + 6x2 ]
# ```
#
# `np.add.reduceat(a, starts)` adds up `a` in pieces; each piece begins at one of `starts` and ends where the next
# begins. The starts are `indptr` without its last number. It looks made for us. Try it.


# %%
def naive_product(data, indices, indptr, x):
    products = x.take(indices)
    products *= data
    return np.add.reduceat(products, indptr[:-1])


def packed(w):
    """Return the three lists as arrays."""
    data, indices, indptr = pack(w)
    return np.array(data, w.dtype), np.array(indices, np.intp), np.array(indptr, np.intp)


x = np.array([1, 2, 3, 4], np.float32)
print(naive_product(*packed(w), x), "but it should be", w @ x)

# %% [markdown]
# Row 1 is empty and came out as 16. **The first trap:** where two starts are equal, `reduceat` does not return the
# sum of nothing, which is 0. It returns the one element that stands there: 8·x1 = 16, the first product of row 2.
#
# **The second trap:** let the *last* row be the empty one. Then its start is the length of the list, one past the
# end, and `reduceat` refuses.

# %%
assert naive_product(*packed(w), x).tolist() == [33, 16, 34]  # wrong

last_row_empty = w[[0, 2, 1]]
try:
    naive_product(*packed(last_row_empty), x)
except IndexError as error:
    print("IndexError:", error)
else:
    raise AssertionError("reduceat should have refused")

# %% [markdown]
# Both traps are about empty rows, and empty rows are no rarity: a neuron that lost all its inputs is one. The cure is
# to hide them. Give `reduceat` only the starts of rows that hold something, and leave the others at 0. That cuts at
# the right places, for an empty row adds nothing between two starts.


# %%
def product(data, indices, indptr, x):
    """Return W x in three passes: gather, multiply, add."""
    y = np.zeros(len(indptr) - 1, data.dtype)
    filled = np.flatnonzero(indptr[:-1] < indptr[1:])
    if filled.size:  # with no entry at all there is nothing to add up
        y[filled] = np.add.reduceat(x.take(indices) * data, indptr[filled])
    return y


assert product(*packed(w), x).tolist() == [33, 0, 34]
assert product(*packed(last_row_empty), x).tolist() == [33, 34, 0]

# %% [markdown]
# ## Equal, and how equal
#
# Two examples prove little. So: 200 random matrices of all shapes, some without rows, some without columns, many with
# empty rows; the slow loop, our product and the dense product must agree.
#
# Must they agree *exactly*? A float32 sum depends on its order, and each of the three adds in an order of its own. So
# we first choose numbers for which no sum is ever rounded: multiples of 1/8, not large. Their products are multiples
# of 1/64, their sums too, and a float32 holds those exactly up to 2¹⁸. Now any difference is a bug, and none is
# rounding.
#
# `mp.CSR` is the same three arrays, with every input checked. It has to agree too.

# %%
for _ in range(200):
    shape = rng.integers(0, 12, size=2)
    eighths = rng.integers(-8, 9, size=shape) / 8
    some = (eighths * (rng.random(shape) < 0.3)).astype(np.float32)
    x = (rng.integers(-8, 9, size=shape[1]) / 8).astype(np.float32)
    dense = some @ x
    csr = mp.CSR.from_dense(some, mask=some != 0)
    assert np.array_equal(slow_product(*pack(some), x.tolist()), dense)
    assert np.array_equal(product(*packed(some), x), dense)
    assert np.array_equal(csr @ x, dense)
    assert all(np.array_equal(a, b) for a, b in zip(packed(some), (csr.data, csr.indices, csr.indptr), strict=True))
    assert np.array_equal(csr.to_dense(), some)
print("200 matrices: equal to the last bit")

# %% [markdown]
# With ordinary numbers the sums are rounded, and "equal" needs a tolerance. Not one that we made up: adding n
# products in any order is off by at most n · ε · (|W| |x|), where ε = 2⁻²³ is the spacing of float32 at 1. Two sums
# are off from each other by at most twice that. It is the worst case; what you see is far below it, since most
# rounding errors cancel.

# %%
some = rng.standard_normal((300, 400), dtype=np.float32) * (rng.random((300, 400)) < 0.1)
x = rng.standard_normal(400, dtype=np.float32)
off = abs(product(*packed(some), x) - some @ x)
bound = 2 * 400 * np.finfo(np.float32).eps * (abs(some) @ abs(x))
print(f"largest difference {off.max():.1e}, where {bound[off.argmax()]:.1e} is allowed")
assert (off <= bound).all()

# %% [markdown]
# ## What it weighs
#
# An entry now costs its value *and* its index. A float32 value has 4 bytes. `mp.CSR` spends 8 on the index, since
# NumPy gathers with eight-byte indices and would convert smaller ones in every call. So:
#
# ```
# dense   rows · columns · 4
# CSR     entries · (4 + 8)  +  (rows + 1) · 8
# ```
#
# Twelve bytes for what was four. Before you read on: how many of the weights must be gone before CSR is the smaller
# one?
#
# Divide 4 by 12. Fewer than one weight in three may be left: **below a sparsity of 2/3, packing makes a matrix
# larger**. And at 90 % it is about 3.3 times smaller, not ten times. When you read of a 10× compression, ask whether
# the indices were counted.


# %%
def matrix(width, sparsity):
    """Return a random square matrix that keeps exactly its share of entries, scattered evenly."""
    gone = round(sparsity * width * width)
    w = 0.5 + rng.random(width * width, dtype=np.float32)  # none of them 0 by chance
    w[rng.permutation(width * width)[:gone]] = 0
    return w.reshape(width, width)


dense_bytes = 1000 * 1000 * 4
by_sparsity = {s: mp.CSR.from_dense(matrix(1000, s)).nbytes for s in (0.0, 0.5, 0.66, 0.67, 0.8, 0.9, 0.95, 0.99)}
print(
    table(
        ["sparsity", "dense", "CSR", "dense / CSR", "values alone"],
        [
            [percent(s), size(dense_bytes), size(held), f"{dense_bytes / held:.2f}×", f"{1 / (1 - s):.2f}×"]
            for s, held in by_sparsity.items()
        ],
        title="Bytes of a 1000 × 1000 layer in float32",
    )
)
assert all(held == round((1 - s) * 1e6) * (4 + 8) + (1000 + 1) * 8 for s, held in by_sparsity.items())
assert by_sparsity[0.0] > 3 * dense_bytes
assert by_sparsity[0.66] > dense_bytes > by_sparsity[0.67]  # the break-even is at 2/3
assert round(dense_bytes / by_sparsity[0.9], 1) == 3.3

# %%
with panels([2.9], "Bytes of a 1000 × 1000 layer: indices count") as (figure, [axis]):
    shares = np.linspace(0, 1, 101)
    axis.axhline(dense_bytes / 1e6, color=MUTED, linestyle="--")
    axis.plot(100 * shares, (1 - shares) * 4, color=BLUE, linestyle=":")
    axis.plot(100 * shares, (1 - shares) * 12 + 0.008, color=ORANGE)
    axis.plot([200 / 3], [4], "o", color=ORANGE)
    axis.annotate("even at 2/3", (200 / 3, 4), (71, 5.2), color=ORANGE)
    axis.text(89, 4.3, "dense", color=MUTED)
    axis.text(26, 9.2, "CSR: values and indices", color=ORANGE)
    axis.text(2, 2.1, "the values alone", color=BLUE)
    axis.set_xlabel("sparsity in %")
    axis.set_ylabel("MB")
    axis.set_xlim(0, 100)
    axis.set_ylim(0, 12.5)
keep(figure, "bytes")

# %% [markdown]
# ## What it takes
#
# Now the clock. One layer of 1024 × 1024 at 90 %, one sample, four ways: the slow loop, our three calls, `mp.CSR`
# (the same three calls, in arrays that are made once and used again: `into` binds the product to the array that takes
# its result), and the dense product of BLAS, which multiplies by all the zeros.
#
# By count, the dense product does ten times the work. Place your bet.

# %%
w = matrix(1024, 0.9)
lists, arrays = pack(w), packed(w)
reused = mp.CSR.from_dense(w).into(np.empty((1024, 1), np.float32))  # takes x as a column, and returns the same array
samples = rng.standard_normal((32, 1024), dtype=np.float32)
turns = time_in_turns(
    {
        "slow loop": lambda x: slow_product(*lists, x[0].tolist()),
        "three calls": lambda x: product(*arrays, x[0]),
        "mp.CSR": lambda x: reused(x.T),
        "dense": lambda x: np.dot(w, x[0]),
    },
    samples,
    seconds=0.15,
    rounds=3,
    warmup=2,
)
print(turns)
assert turns.speedup("three calls", "slow loop") > 5

gain = turns.speedup("mp.CSR", "dense")
winner = "mp.CSR" if gain > 1 else "dense"
print(f"\nA tenth of the multiplications, and the winner is {winner}: mp.CSR has {gain:.2f} times the speed of dense.")

# %% [markdown]
# NumPy's loop is many times faster than Python's; that much holds on any machine. Whether CSR beats dense at 90 %
# does not. Where this was written it loses. How can a tenth of the work take longer?
#
# BLAS reads its weights in the order in which they lie in memory, eight or sixteen at a time, and multiplies them all
# in one instruction. CSR reads twelve bytes for each weight, then jumps to some number of x, then multiplies, then
# adds, in three passes. **One weight in CSR costs as much as ten or twenty in a dense product.** Call that number the
# *price* of a kept weight, c. Then CSR wins when fewer than 1/c of the weights are kept:
#
# ```
# break-even sparsity = 1 − 1/c
# ```
#
# You know one price already. In bytes c is 3, and 1 − 1/3 = 2/3. In time you have to measure it.

# %%
kept = 1 - 0.9
price = (turns["mp.CSR"].median / kept) / turns["dense"].median
even = max(0, 1 - 1 / price)
print(f"In time, the price of a kept weight here is {price:.1f}: CSR wins above a sparsity of {percent(even)}.")
assert (price < 10) == (turns["mp.CSR"].median < turns["dense"].median)  # the rule, applied to what was measured

# %% [markdown]
# ## Where it wins here
#
# One layer tells you about one layer. Three things change the price:
#
# - **the width.** A small matrix lives in the cache, and BLAS flies. One of 4096 × 4096 has 64 MB; BLAS waits for
#   memory like everyone else, and then fewer bytes win;
# - **the batch.** With many samples, BLAS loads a weight once and uses it for all of them. CSR must gather for each;
# - **the sparsity**, of course.
#
# So we measure all three. A *program* is a network packed for inference; here we forbid it to choose, and force one
# kernel on it: dense in one, CSR in the other. Both are timed in turns. This takes some ten seconds.


# %%
def where_it_pays(widths, sparsities, batches):
    """Time one layer as a dense and as a CSR program, everywhere in the grid."""
    rows = []
    for width in widths:
        net = mp.Network([mp.Dense(width, width, rng=0)])
        dense = mp.compile(net, kernels="dense")
        samples = rng.standard_normal((max(batches), width), dtype=np.float32)
        lot = rng.random((width, width), dtype=np.float32)
        for sparsity in sparsities:
            pruned = net.copy()
            pruned.parameters["dense1.weight"].mask = lot >= sparsity
            csr = mp.compile(pruned, kernels="csr")
            assert np.allclose(csr(samples), pruned(samples), atol=1e-4)  # first right, then fast
            for batch in batches:
                rounds = 5 if batch * width < 2**17 else 3  # where a call is long, fewer will do
                turns = time_in_turns(
                    {"dense": dense, "csr": csr}, samples, batch_size=batch, seconds=0.02, rounds=rounds, warmup=1
                )
                rows.append(
                    {
                        "width": width,
                        "sparsity": sparsity,
                        "batch": batch,
                        "speedup": turns.speedup("csr", "dense"),
                        "csr": turns["csr"].median,
                    }
                )
    return rows


widths, sparsities, batches = (256, 512, 1024, 2048, 4096), (0.9, 0.95, 0.98, 0.99, 0.995), (1, 16, 64)
rows = where_it_pays(widths, sparsities, batches)

# %%
for batch in batches:
    found = {(row["width"], row["sparsity"]): row["speedup"] for row in rows if row["batch"] == batch}
    print(
        table(
            ["width", *(percent(s) for s in sparsities)],
            [[width, *(f"{found[width, s]:.2f}×" for s in sparsities)] for width in widths],
            title=f"Batch {batch}: times as fast as dense",
        ),
        end="\n\n",
    )

# %%
keep(plots.plot_where_it_pays(rows), "where")

# %% [markdown]
# Read the picture before you read on. Where is it worth packing? Where not?
#
# What holds anywhere, the next cell asserts: CSR's time follows what is kept. At 4096 × 4096 and one sample, a
# twentieth of the weights takes well under half the time. It does not follow for ever. Each call has a fixed cost of
# some microseconds, and a small layer can't get below it, however little is kept.
#
# The rest it only tells, for it is your machine that decides.

# %%
cell = {(row["width"], row["batch"], row["sparsity"]): row for row in rows}
assert cell[4096, 1, 0.995]["csr"] < 0.5 * cell[4096, 1, 0.9]["csr"]
best = max(rows, key=lambda row: row["speedup"])
promised = 1 / (1 - best["sparsity"])
print(f"Best cell: {best['speedup']:.1f} times as fast as dense, where counting promised {promised:.0f}.\n")

for batch in batches:
    for width in widths:
        pays = [s for s in sparsities if cell[width, batch, s]["speedup"] > 1.05]
        answer = f"from {percent(min(pays))} on" if pays else "nowhere up to 99.5 %"
        print(f"batch {batch:>2}, width {width:>4}: CSR wins {answer}")
won = {batch: sum(row["speedup"] > 1.05 for row in rows if row["batch"] == batch) for batch in batches}
print(f"\nOf 25 cells each, CSR won {won[1]} at batch 1, {won[16]} at batch 16 and {won[64]} at batch 64.")

# %% [markdown]
# When this chapter was written, on one thread of OpenBLAS, CSR won for single samples from 95 % on where the layer
# was 2048 wide or wider, somewhere between 95 and 98 % at 1024, and nowhere at 256. For 16 samples it took a wide
# layer *and* 98 % or more; for 64 the same, save that 95 % was enough at 4096. BLAS won the rest. With a second
# thread, which helps BLAS alone, the batches needed 99 %, and a wide layer.
#
# ## What `compile` chooses, and why
#
# So a sparse kernel is not a thing to insist on. `mp.compile` insists on nothing. It does two things, in this order:
#
# 1. **Fold.** A neuron without inputs is a constant, and goes into the next bias. A neuron that nobody listens to
#    goes. This changes no answer.
# 2. **Measure.** For each layer that is left, it times the kernels that may pay at the batch size you name, and takes
#    the fastest. (One of them, "packed", is dense without the inputs that nobody looks at.) If dense is as fast, dense
#    stays.
#
# We need a network with real masks for this, for training decides which neurons die. Digits of 8 × 8 pixels, two wide
# hidden layers, pruned to 95 % while they train.

# %%
digits = mp.datasets.load("digits")
recipe = {"loss": mp.SoftmaxCrossEntropy(), "batch_size": 64, "rng": 0}
net = mp.Network.mlp([64, 1024, 1024, 10], rng=0)
mp.fit(net, digits.train, optimizer=mp.Adam(mp.CosineDecay(1e-3)), epochs=4, **recipe)

pruned = net.copy()
pruner = mp.Pruner(mp.Magnitude(), sparsity=0.95, schedule=mp.Cubic(0.0, 0.6, updates=20))
mp.fit(
    pruned,
    digits.train,
    optimizer=mp.Adam(mp.CosineDecay(1e-3)),
    penalty=mp.L2(1e-3),
    epochs=16,
    pruner=pruner,
    **recipe,
)
single, many = mp.compile(pruned, batch_size=1), mp.compile(pruned, batch_size=64)
print(single, many, sep="\n\n")

assert np.allclose(single(digits.test.x), pruned(digits.test.x), atol=1e-4)  # packed, and still the same function
assert np.allclose(many(digits.test.x), pruned(digits.test.x), atol=1e-4)
alive = [step.outputs for step in single.steps]
assert alive[0] < 1024  # whole neurons have died
assert 0.3 < alive[1] / 1024 < 0.7  # about half
smaller = mp.compile(pruned, kernels="dense")  # folded, and then no sparse kernel at all
assert smaller.flops < 0.6 * mp.analyze(net).total.flops

# %% [markdown]
# Look at the column *units*. Of 1024 neurons in the second layer about half are left, though nobody asked for neurons
# to go: their last weight went. Folding removed them, and what is left is **a smaller dense network**. That needs no
# index and no gathering, and BLAS likes it.
#
# Now the whole network, dense against pruned, on digits it has never seen.

# %%
comparison = mp.compare(
    {"dense": net, "masked": pruned, "for one": single, "for 64": many}, digits.test, batch_sizes=(1, 64), seconds=0.15
)
print(comparison)

accuracy = {name: found.accuracy for name, found in comparison.evaluations.items()}
assert accuracy["dense"] > 0.96
assert accuracy["for one"] == accuracy["for 64"] == accuracy["masked"] > accuracy["dense"] - 0.03
assert comparison.speedups[1]["for one"] > 0.8  # never slower than dense, beyond the noise of the clock
assert comparison.speedups[64]["for 64"] > 0.8
chosen = {step.kernel.name for step in (*single.steps, *many.steps)}
print(f"\nKernels chosen here: {', '.join(sorted(chosen))}.")
print(f"Speed-up for 64 rows at once: {comparison.speedups[64]['for 64']:.2f}×; of its layers,", end=" ")
print(f"{sum(step.kernel.name == 'dense' for step in many.steps)} of {len(many.steps)} run dense.")

# %% [markdown]
# ## What to take home
#
# 1. A mask alone gains nothing: no byte, no microsecond.
# 2. CSR stores what is left, and where. In float32 it is smaller than dense above a sparsity of 2/3.
# 3. CSR is faster than BLAS where the layer is wide, the sparsity high and the batch small. Elsewhere BLAS wins,
#    mostly until 98 % and more. So measure, at *your* width and *your* batch.
# 4. Much of the gain of unstructured pruning comes from the neurons that it kills on the way. They leave a smaller
#    dense network.
# 5. The price of a kept weight is high because kept weights are scattered. If they stood in blocks or in columns, the
#    gathering would be shared among many. That is *structured* pruning, and another chapter.
#
# ## Exercises
#
# Try each before you look; the answers are below, and they are asserted like everything else.
#
# 1. With four-byte indices, where is the break-even in bytes? And what if, instead of indices, one *bit* for each
#    weight says whether it is kept?
# 2. Someone replaces `reduceat` by `np.cumsum` over the products and takes differences at `indptr`. Empty rows are
#    then no trap at all. What is? Find a matrix with two entries for which the answer is wrong.
# 3. Suppose each row keeps exactly k entries. Write the product without `reduceat`, and without a loop.
# 4. Pack the matrix by *columns* instead, and write the slow product. Which of the three passes changes its nature?
# 5. A layer keeps 10 % of its weights. On some machine the price of a kept weight is 6. How much faster is CSR than
#    dense? And the whole network, if this layer took half of its time?
#
# ---
#
# *Answers from here on.*


# %%
def answer_1():
    """4 / (4 + 4) = 1/2. With bits, 4 bytes an entry and 1/8 a weight: 1 − s + 1/32 < 1, so from 1/32 on."""
    w = matrix(1000, 0.51)
    entries = np.count_nonzero(w)
    assert entries * (4 + 4) < w.nbytes < np.count_nonzero(matrix(1000, 0.49)) * (4 + 4)
    bits = np.packbits(w != 0).nbytes
    assert bits == w.nbytes / 32
    assert np.count_nonzero(matrix(1000, 0.04)) * 4 + bits < w.nbytes < np.count_nonzero(matrix(1000, 0.03)) * 4 + bits


def answer_2():
    """A small row after a large one: 1e8 + 1 is 1e8 in float32, so the difference of the running sums is 0, not 1."""
    w = np.array([[1e8, 0], [0, 1]], np.float32)
    data, indices, indptr = packed(w)
    x = np.ones(2, np.float32)
    running = np.concatenate([[np.float32(0)], np.cumsum(x.take(indices) * data)])
    assert np.diff(running[indptr]).tolist() == [1e8, 0]  # wrong: row 1 is 1
    assert product(data, indices, indptr, x).tolist() == [1e8, 1]


def answer_3():
    """Equal rows make the packed arrays rectangular: (rows, k). Then it is one einsum, or one vecdot."""
    k, rows, columns = 3, 20, 50
    indices = np.sort([rng.permutation(columns)[:k] for _ in range(rows)], axis=1)
    data = rng.integers(1, 9, size=(rows, k)).astype(np.float32)
    x = rng.integers(1, 9, size=columns).astype(np.float32)
    w = np.zeros((rows, columns), np.float32)
    np.put_along_axis(w, indices, data, axis=1)
    assert np.array_equal(np.einsum("rk,rk->r", x[indices], data), w @ x)


def answer_4():
    """The gather becomes a scatter: x is read in order, and the products are added wherever their rows are."""
    w = np.array([[5, 0, 0, 7], [0, 0, 0, 0], [0, 8, 6, 0]], np.float32)
    data, rows, indptr = pack(w.T)  # the columns of W are the rows of its transpose
    x, y = [1, 2, 3, 4], [0.0] * 3
    for column in range(4):
        for k in range(indptr[column], indptr[column + 1]):
            y[rows[k]] += data[k] * x[column]
    assert y == [33, 0, 34]


def answer_5():
    """0.1 · 6 = 0.6 of the dense time, 1.67 times as fast; the network 1 / (0.5 + 0.5 · 0.6) = 1.25 times (Amdahl)."""
    assert round(1 / (0.1 * 6), 2) == 1.67
    assert round(1 / (0.5 + 0.5 * 0.1 * 6), 2) == 1.25


for answer in (answer_1, answer_2, answer_3, answer_4, answer_5):
    answer()
    print(f"{answer.__name__}: {answer.__doc__}")
