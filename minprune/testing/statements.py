"""The laws as text: a group, then ``name (component): source`` and the statement in the line below."""

TEXT = """
Counting
exact_count (selector): Blalock et al. (2020); ten equal weights cut at their median lose none or all
    Unstructured: exactly round(sparsity·N) weights are dropped for any scores, all-equal and all-zero included.
unit_budget (pattern): Li et al. (2017), filters dropped whole; the definition of a budget
    Larger units: achieved ≤ asked and asked − achieved is smaller than one unit.
zero_is_identity (plan): the definition of sparsity
    sparsity 0 changes nothing, bit for bit.
target_is_idempotent (plan): Zhu & Gupta (2018); PyTorch's prune, whose amounts compound
    Planning the same target twice drops nothing the second time.
pruned_do_not_count (plan): Han et al. (2015), iterative pruning
    Already-pruned weights never use up budget and never come back.
local_count (allocation): Zhu & Gupta (2018), the same sparsity in every layer
    Uniform and PerLayer allocations hit each layer's own count exactly.
counts_add_up (plan): the definition of a count
    The layers' counts add up to the network's count, in any layer order.
erk_budget (allocation): Mocanu et al. (2018); Evci et al. (2020)
    ERK densities are ≤ 1 and their total equals the budget.
min_keep (plan): Tanaka et al. (2020), on layer collapse
    No layer falls below min_keep units; a budget that needs it raises and names the largest possible one.
tiny (selector): boundary values
    1×1 layers, one-class outputs and k = 0 neither crash nor round wrongly.

Selection
order (selector): LeCun, Denker & Solla (1990): delete the lowest
    Every kept candidate's score ≥ every dropped candidate's score (within the allocation's groups).
ties_by_position (selector): reproducibility; unstable sorts and partitions
    Equal scores fall in layer order, then flat index; the same call gives the same mask.
scale_free (selector): Blalock et al. (2020): only the order of scores matters
    Multiplying all scores by a positive constant leaves the masks as they are.
monotone_free (selector): Blalock et al. (2020): only the order of scores matters
    Any strictly increasing transform of the scores leaves the masks as they are.
nested (selector): Zhu & Gupta (2018), gradual pruning
    With fixed scores the mask at a higher sparsity is a subset of the mask at a lower one.
permutation (selector): Hecht-Nielsen (1990), the symmetries of a hidden layer
    Permuting a layer's hidden units permutes its mask alike, when no scores tie.
threshold_exact (plan): Han et al. (2015), pruning by a threshold
    threshold=t drops exactly the weights with score < t.
no_nan_decides (selector): IEEE 754: a comparison with NaN is False
    A NaN or infinite score raises, and names the parameter and the first index.

Criteria
scores_shape (criterion): the definition of a score
    One finite, non-negative score per weight, in the weight's shape.
scoring_is_pure (criterion): planning changes nothing
    Scoring changes no weight, gradient, optimizer, mask, input array or random state.
scoring_repeats (criterion): reproducibility
    The same inputs give the same scores, bit for bit.
sign_free (criterion): Han et al. (2015), the size of the weight
    Magnitude-like scores don't change when a weight's sign does.
batch_free (criterion): a mean over rows is a mean over rows
    Data-driven scores don't depend on how the data is cut into batches (to rounding).
gradient_is_true (criterion): the definition of a derivative; Mozer & Smolensky (1989)
    Gradient scores equal central differences of the loss.
saliency_first_order (criterion): Lee, Ajanthan & Torr (2019); Molchanov et al. (2019)
    The saliency of a weight equals the loss change on scaling it by 1 − ε, over ε, as ε → 0.
fisher_by_hand (criterion): LeCun, Denker & Solla (1990); Theis et al. (2018)
    Fisher scores equal the mean over samples of the squared per-sample gradient, computed one sample at a time.
movement_by_hand (criterion): Sanh, Wolf & Rush (2020)
    Movement scores equal −Σ w·∂L/∂w over the steps of training, added up one by one, less the network's least.
activation_norm_unit (criterion): Sun et al. (2024)
    With unit-norm inputs the activation-norm score is the magnitude.
synflow_conserved (criterion): Tanaka et al. (2020), the conservation of synaptic saliency
    Without biases, SynFlow scores entering a hidden unit sum to those leaving it.
obs_quadratic (criterion): Hassibi & Stork (1993)
    On a quadratic, OBS picks the weight and the update that brute force picks.
random_seeded (criterion): reproducibility of the control
    A random criterion is a function of its seed alone.

Masks
mask_type (masks): the definition of a mask
    Bool, the parameter's shape, True = kept; anything else is refused.
compose_is_and (masks): the algebra of sets
    Composition is AND: commutative, associative, idempotent.
no_revival (plan): Han et al. (2015); Evci et al. (2020) for what does regrow
    Pruning never turns False into True; only regrowth does.
mask_not_value (masks): a weight may be 0 for a moment and be trained on
    Sparsity comes from masks: a kept weight that is 0.0 counts as kept.
original_untouched (plan): values and references
    apply leaves the given network bit-identical and shares no memory with the new one.
shuffle_control (masks): Frankle et al. (2021)
    The shuffled-mask control keeps each layer's count and moves positions.

Training
stays_zero (optimizer): Sutskever et al. (2013) and Loshchilov & Hutter (2019), what moves a weight without a gradient
    A pruned weight is +0.0 after every step: SGD, momentum, Nesterov, Adam, AdamW, with every penalty.
state_clean (optimizer): Evci et al. (2020), on optimizer state
    Optimizer state of pruned weights is zero, during and after.
masked_gradient (training): the definition of a derivative
    Gradients of kept weights equal central differences of the masked network.
ones_is_dense (training): a mask that drops nothing
    An all-True mask trains bit-identically to no mask.
prox_zeroes (penalty): Tibshirani (1996); Parikh & Boyd (2014), 6.5.2
    Proximal L1 makes exact zeros, never flips a sign, and shrinks by no more than its step.
group_prox (penalty): Yuan & Lin (2006)
    Group proximal steps zero whole groups or none of it.
penalty_skips_pruned (penalty): what is not there costs nothing
    A penalty's value and gradient ignore pruned weights.
penalty_gradient (penalty): the definition of a derivative
    Each penalty's gradient equals central differences away from kinks.
seed_repeats (training): reproducibility
    Same seed, same machine, same thread count: the same weights, bit for bit.

Schedules, tickets, regrowth
schedule_monotone (schedule): Zhu & Gupta (2018)
    Target sparsities never fall, start at the start value and end at the end value exactly.
schedule_lands (schedule): Zhu & Gupta (2018); off by one
    The final sparsity is reached whatever the number of updates, steps or epochs, 1 included.
schedule_degenerate (schedule): boundary values
    begin = end, zero length and sparsity 0 neither divide by zero nor skip the target.
rewind_exact (training): Frankle & Carbin (2019)
    A rewound ticket equals initial weights × mask, bit for bit, with fresh optimizer state.
regrow_conserves (regrowth): Mocanu et al. (2018); Evci et al. (2020)
    Drop-and-grow keeps each layer's number of connections exactly.
grown_start_zero (optimizer): Evci et al. (2020)
    Grown connections start at zero with fresh state.

Patterns and structure
nm_groups (pattern): Mishra et al. (2021); Zhou et al. (2021)
    N:M holds in every group of M inputs of every output, a ragged tail in proportion.
vectors_whole (pattern): Mao et al. (2017)
    A vector is kept whole or dropped whole.
blocks_whole (pattern): Narang, Undersander & Diamos (2017)
    A block is kept whole or dropped whole.
neuron_whole (pattern): Li et al. (2017), for dense layers
    A pruned neuron loses its incoming column, its bias and its outgoing row.
width_kept (plan): a mask is no change of shape
    Input and output widths of the network never change under a mask.
compact_equal (compaction): compaction is exact
    compact(network)(x) equals network(x) for all x.
constant_folded (compaction): the constant that a removed unit put out
    A dead unit with a non-zero constant output is folded into the next bias before removal.
compact_minimal (compaction): a fixed point
    After compaction no dead unit remains, and compacting again changes nothing.
paths (complexity): Tanaka et al. (2020); Vysogorets & Kempe (2023)
    The number of input→output paths is 0 exactly when the output ignores the input.

Inference
format_round_trip (kernel): packing loses nothing
    to_dense(from_dense(W)) is W, for every format, empty rows, columns and matrices included.
matmul_equal (kernel): the definition of a product; NumPy's reduceat on empty rows
    Every kernel equals the dense product: bitwise on small dyadic values, to tolerance otherwise.
program_equal (program): packing changes nothing
    Program ≡ masked network ≡ compacted network.
program_repeats (program): buffers that are handed out
    A program's earlier results are not changed by later calls.
bytes_honest (kernel): Han et al. (2016), who count the index too
    nbytes equals the bytes of the arrays it holds, indices included.
flops_honest (complexity): counting by hand
    FLOPs equal a brute-force count of the multiply-adds done.
layout_free (kernel): NumPy's memory layouts
    Non-contiguous, Fortran-ordered and read-only inputs give the same result and are not written to.

Keeping
save_load_equal (storage): a file is the network
    load(save(network)) equals the network bit for bit: weights, masks, layers, dtype.
save_stable (storage): reproducible files
    Saving the loaded network gives the same bytes.
refuse_all_damage (storage): files come from strangers
    A truncated, flipped, extended or forged file raises a MinpruneError and nothing else.
save_atomic (storage): write beside it, then replace
    A save that fails at any point leaves the old file whole.
refused_unchanged (network): Abrahams (2000), the strong guarantee
    A refused call leaves the network bit-identical.
copy_is_deep (network): values and references
    A copy shares no memory with its original.
"""
