"""Every way in which a check says no, or sees that it has nothing to say: each with a subject made for it."""

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from test_check_plan import naming

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.testing import (
    Case,
    Framework,
    LawBroken,
    broken,
    check_allocation,
    check_criterion,
    check_kernel,
    check_pattern,
    check_penalty,
    check_plan,
    check_program,
    check_regrowth,
    check_schedule,
    check_selector,
    law,
    network,
)
from minprune.testing.broken.running import Rows
from minprune.testing.cases import digest, source
from minprune.testing.running import Property, run

SMALL = {"examples": 3}
PARTS = {  # the check, a part that keeps the law, the law, and what it says of something else
    check_allocation: (mp.Uniform(), "local_count", "allocation must have groups()"),
    check_pattern: (mp.Blocks((2, 1)), "unit_budget", "pattern must have units()"),
    check_schedule: (mp.Linear(), "schedule_monotone", "schedule must have due()"),
    check_regrowth: (mp.SET(), "regrow_conserves", "regrowth must have masks()"),
    check_penalty: (mp.L1(0.1), "prox_zeroes", "penalty must have shrink()"),
    check_program: (lambda net, batch_size: mp.compile(net, batch_size=batch_size), "program_equal",
                    "compile_fn must be a function"),
    check_plan: (mp.plan, "no_revival", "plan must be a function"),
    check_kernel: (mp.CSR, "matmul_equal", "kind must have from_dense()"),
}  # fmt: skip


@pytest.mark.parametrize("check", PARTS, ids=lambda check: check.__name__)
def test_each_check_checks_its_own_kind_of_part_and_refuses_another(check):
    part, name, says = PARTS[check]
    assert check(part, laws=[name], **SMALL).passed == [name]
    with pytest.raises(InvalidTypeError) as refused:
        check(3)
    assert str(refused.value).startswith(says)


def test_a_broken_one_that_there_is_not_is_named_with_the_nearest():
    assert broken.broken("order").law == "order"
    with pytest.raises(InvalidValueError, match=r"got 'ordr' in broken\(\); did you mean 'order'\?"):
        broken.broken("ordr")


# cases


def test_a_network_with_pruned_biases_is_written_down_so_that_it_can_be_pasted():
    masks = {"masks": [None, np.array([[True], [False]])], "bias_masks": [np.array([True, False]), None]}
    net = network([np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])],
                  biases=[np.array([5.0, 6.0]), np.array([7.0])], **masks)  # fmt: skip
    again = eval(source(net), {"np": np, "network": network})
    assert digest(again) == digest(net)
    assert again.parameters["dense1.bias"].mask.tolist() == [True, False]
    assert again.parameters["dense2.bias"].mask.tolist() == [True]


@pytest.mark.parametrize(
    ("cases", "error"),
    [
        (st.integers().map(lambda k: 1 // 0), ZeroDivisionError),
        (st.integers().filter(lambda k: False), Unsatisfiable),
    ],
)
def test_where_drawing_a_case_fails_it_is_no_fault_of_the_subject(cases, error):
    with pytest.raises(error):
        run("selector", "order", "subject", Property(lambda subject, case: None, lambda subject: cases))


# selectors


def test_a_share_of_each_layer_is_counted_in_tiny_layers_too():
    def by_rank(scores, sparsity, lost=round):
        ranks = {name: s.argsort(None, "stable").argsort().reshape(s.shape) for name, s in scores.items()}
        return {name: rank >= lost(sparsity * rank.size) for name, rank in ranks.items()}

    def cut(scores, sparsity):
        return by_rank(scores, sparsity, int)

    assert check_selector(by_rank, scope="layer", laws=["tiny"], **SMALL).ok
    case = Case(scores={"a": np.zeros((1, 1)), "b": np.zeros((4, 1))}, sparsity=0.75)
    law("tiny").check_of("local_selector")(by_rank, case)
    with pytest.raises(LawBroken, match=r"asked: round\(0\.75 · 1\) = 1 dropped of a; came: 0 dropped"):
        law("tiny").check_of("local_selector")(cut, case)


# criteria


@pytest.mark.parametrize("spoils", [False, True])
def test_a_criterion_of_a_class_that_can_not_be_pickled_is_watched_all_the_same(spoils):
    class Local(mp.Magnitude):
        def scores(self, network, data=None):
            if spoils:
                network.dense[0].weight.grad[...] = 9
            return super().scores(network, data)

    result = check_criterion(Local(), laws=["scoring_is_pure"], **SMALL)["scoring_is_pure"]
    assert result.outcome == ("failed" if spoils else "passed")
    assert result.note == ("asked: scoring to change nothing; came: the network changed" if spoils else "")


def test_a_surgeon_that_only_scores_is_checked_for_its_scores():
    class Scores(mp.OptimalBrainSurgeon):
        compensate = None

    class Doubles(Scores):
        def scores(self, network, data=None):
            return {name: 2 * s for name, s in super().scores(network, data).items()}

    assert check_criterion(Scores(), laws=["obs_quadratic"], **SMALL).ok
    assert "the least cost of losing each weight" in check_criterion(
        Doubles(), laws=["obs_quadratic"], **SMALL)["obs_quadratic"].note  # fmt: skip


# matrices and programs


class Slotted(Rows):
    """With a place for a copy that is made when it is first asked for."""

    __slots__ = ("dense",)

    def to_dense(self):
        self.dense = super().to_dense()
        return self.dense


def test_a_slot_with_nothing_in_it_counts_for_no_bytes_and_a_filled_one_does():
    assert check_kernel(Slotted, laws=["bytes_honest"], **SMALL).ok
    case = Case(w=np.eye(2), mask=None, x=np.ones((2, 1)))
    law("bytes_honest").check(Slotted, case)

    class Filled(Slotted):
        @classmethod
        def from_dense(cls, w, mask=None):
            matrix = super().from_dense(w, mask)
            matrix.to_dense()
            return matrix

    with pytest.raises(LawBroken, match="asked: 88 bytes, those of the 4 arrays held; came: 56"):
        law("bytes_honest").check(Filled, case)


def takes_any_batch_size(net, batch_size):
    return net.copy()


def takes_any_rows(net, batch_size):
    if batch_size not in (1, 3):
        raise ValueError("batch_size")
    weight = net.dense[0].weight.value
    return lambda x: np.nan_to_num(x) @ weight[: x.shape[1]]


@pytest.mark.parametrize(
    ("compile_fn", "came"),
    [
        (takes_any_batch_size, "asked: a refusal of batch_size=0; came: a program"),
        (takes_any_rows, r"asked: a refusal of x = \[\[1.0\]\]; came: a result"),
    ],
)
def test_what_packs_a_network_is_to_refuse_what_can_not_be_meant(compile_fn, came):
    case = Case(network=network([np.ones((2, 1))]), batch_size=1, x=np.ones((1, 2)))
    with pytest.raises(LawBroken, match=came):
        law("refused_unchanged").check_of("program")(compile_fn, case)


# plans


def refused_for(widths):
    """Return a case in which more is asked to go than may: one weight of each layer has to stay."""
    net = mp.Network.mlp(widths, rng=0)
    return Case(network=net, scores={name: p.value + 9 for name, p in net.prunable.items()}, sparsity=0.9, min_keep=1)


@pytest.mark.parametrize("widths", [[3, 1], [2, 1, 2]])  # one more than the largest is all there is, or it is not
def test_the_largest_count_that_a_refusal_names_must_be_the_largest_that_can_go(widths):
    law("min_keep").check(mp.plan, refused_for(widths))
    with pytest.raises(LawBroken, match="asked: a refusal beyond the largest count named, 1; came: a plan"):
        law("min_keep").check(naming(-1), refused_for(widths))
    with pytest.raises(InvalidValueError):  # it can't be met, and the planner itself says so
        law("min_keep").check(naming(+1), refused_for(widths))


# frameworks


def keep_all(net, name, mask):
    net.parameters[name].mask = np.ones(net.parameters[name].shape, np.bool_)


def test_a_framework_that_refuses_nothing_is_told_what_it_should_have():
    case = Case(network=network([np.ones((2, 1))]), call="a mask of another shape")
    with pytest.raises(LawBroken, match="asked: a refusal of a mask of another shape; came: none"):
        law("refused_unchanged").check(Framework(set_mask=keep_all), case)


SAVED = Case(network=network([np.ones((2, 1))]), other=network([np.full((2, 1), 3.0)]))


def test_a_load_that_takes_a_damaged_file_is_told_which():
    case = Case(**vars(SAVED), damage="cut short", place=0.5)
    lenient = Framework(load=lambda path: SAVED.network)
    with pytest.raises(LawBroken, match=r"a refusal of a file cut short, at 0\.5 of its length; came: a network"):
        law("refuse_all_damage").check(lenient, case)


@pytest.mark.parametrize(("saved", "holds"), [("other", True), ("network", False)])
def test_a_save_that_a_failing_call_does_not_touch_must_have_saved_the_new_network(saved, holds):
    def save(net, path):
        path.write_bytes(getattr(SAVED, saved).dense[0].weight.value.tobytes())

    def load(path):
        return network([np.frombuffer(path.read_bytes()).reshape(2, 1)])

    case = Case(**vars(SAVED), fault="fsync")
    if holds:
        law("save_atomic").check(Framework(save=save, load=load), case)
        return
    with pytest.raises(LawBroken, match="asked: the new network in the file, if saving did not fail; came: another"):
        law("save_atomic").check(Framework(save=save, load=load), case)


@pytest.mark.parametrize("careful", [True, False])
def test_a_save_may_ask_its_file_things_before_it_writes_to_a_full_disk(careful):
    def save(net, path):
        asked = path.with_suffix(".part") if careful else path
        file = open(asked, "wb")  # noqa: SIM115
        try:
            with file:
                assert file.tell() == 0
                file.write(net.dense[0].weight.value.tobytes())
        except OSError:
            if careful:
                asked.unlink()
            raise
        asked.replace(path)

    case = Case(**vars(SAVED), fault="write")
    if careful:
        law("save_atomic").check(Framework(save=save), case)
        return
    with pytest.raises(LawBroken, match="asked: the old file whole when write fails; came: 8 of its bytes"):
        law("save_atomic").check(Framework(save=save), case)
