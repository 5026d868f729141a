"""Which law of pruning is tested where, as a property over generated networks, scores and requests.

Counting
    exact_count           test_counting     test_exact_count
    unit_budget           test_counting     test_unit_budget
                          test_tiles        test_unit_budget_of_tiles
    zero_is_identity      test_counting     test_zero_is_identity
    target_is_idempotent  test_counting     test_target_is_idempotent
    pruned_do_not_count   test_counting     test_pruned_do_not_count_and_no_revival
    local_count           test_allocation   test_local_count_of_uniform
                          test_allocation   test_local_count_of_per_layer
                          test_allocation   test_local_count_of_neurons
    counts_add_up         test_allocation   test_counts_add_up
    erk_budget            test_erdos_renyi  test_erk_budget
                          test_erdos_renyi  test_erk_budget_of_networks_that_are_pruned_already
    min_keep              test_counting     test_min_keep
                          test_counting     test_min_keep_of_neurons
                          test_inputs       test_min_keep_of_inputs
                          test_nm           test_min_keep_is_met_by_those_that_never_go
                          test_counting     test_min_keep_names_the_largest_count_that_can_be_met
                          test_counting     test_min_keep_of_neurons_names_what_can_go
    tiny                  test_counting     test_tiny
Selection
    order                 test_selection    test_order
    ties_by_position      test_selection    test_ties_by_position
    scale_free            test_selection    test_scale_free
    monotone_free         test_selection    test_monotone_free
    nested                test_selection    test_nested
    permutation           test_selection    test_permutation
    threshold_exact       test_selection    test_threshold_exact
    no_nan_decides        test_selection    test_no_nan_decides
Criteria
    scores_shape          test_gradient_laws    test_scores_shape
                          test_looking_at_data  test_scores_shape
    scoring_is_pure       test_gradient_laws    test_scoring_is_pure_and_repeats
    scoring_repeats       test_looking_at_data  test_scoring_is_pure_and_repeats
    sign_free             test_gradient_laws    test_sign_free
    batch_free            test_gradient_laws    test_batch_free
                          test_looking_at_data  test_batch_free
    gradient_is_true      test_gradients        test_gradient_is_true
    saliency_first_order  test_gradients        test_saliency_first_order
    fisher_by_hand        test_gradients        test_fisher_by_hand
    activation_norm_unit  test_activation       test_activation_norm_unit
    synflow_conserved     test_synflow          test_synflow_conserved
    obs_quadratic         test_surgeon          test_obs_quadratic
    random_seeded         test_criterion        test_random_seeded
Masks
    compose_is_and        test_masks        test_compose_is_and
    no_revival            test_plan         test_no_revival
    mask_not_value        test_masks        test_mask_not_value
    original_untouched    test_plan         test_original_untouched
    shuffle_control       test_masks        test_shuffle_control
Training, as far as a pruner takes part
    stays_zero            test_pruner       test_schedule_lands_inside_fit
Schedules, tickets, regrowth
    schedule_monotone     test_schedules    test_schedule_monotone
    schedule_lands        test_schedules    test_schedule_lands
                          test_pruner       test_schedule_lands_inside_fit
                          test_pruner       test_schedule_lands_with_every_allocation_and_pattern
                          test_iterations   test_schedule_lands_in_rounds
    schedule_degenerate   test_schedules    test_schedule_degenerate
    rewind_exact          test_tickets      test_rewind_exact
    regrow_conserves      test_regrowth     test_regrow_conserves
Patterns
    nm_groups             test_nm           test_nm_groups
                          test_nm           test_nm_groups_lose_no_more_on_the_way
    vectors_whole         test_tiles        test_vectors_whole
    blocks_whole          test_tiles        test_blocks_whole
    neuron_whole          test_patterns     test_neuron_whole
                          test_inputs       test_neuron_whole_and_input_whole
    width_kept            test_patterns     test_width_kept

mask_type is a table of refusals in test_masks, grown_start_zero one of optimizers in test_regrowth_in_fit.
"""

import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test

sys.path.append(str(Path(__file__).parent / "criteria"))  # for when this file is run alone
_ROWS = [line.split()[-2:] for line in __doc__.splitlines() if len(line.split()) in (2, 3) and "test_" in line]


@pytest.mark.parametrize(("module", "name"), _ROWS, ids=[name for _, name in _ROWS])
def test_each_law_has_its_property(module, name):
    assert is_hypothesis_test(getattr(import_module(module), name))


def test_the_table_is_read():
    assert len(_ROWS) == 62
