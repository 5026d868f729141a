"""Every public name has a property: where it is, and that it is one."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import minprune as mp

TESTS = Path(__file__).parent
REFUSAL = "bad_input/test_bad_input.py"  # what is raised: its table asserts type and text for every public call

PROPERTY = {
    "Parameter": "nn/test_parameter.py::test_whatever_was_dropped_becomes_a_plain_zero_and_the_kept_bits_stay",
    "Dense": "nn/test_layers.py::test_dense_is_a_weighted_sum_and_its_gradients_are_true",
    "Dropout": "nn/test_layers.py::test_dropout_drops_or_scales_and_its_gradient_follows",
    "Select": "test_properties_parts.py::test_select_hands_on_its_columns_and_gives_their_gradients_back",
    **dict.fromkeys(
        ("ReLU", "LeakyReLU", "Tanh", "Sigmoid", "GELU"),
        "nn/test_activations.py::test_values_and_gradients_are_those_of_the_formula",
    ),
    **dict.fromkeys(
        ("SoftmaxCrossEntropy", "BinaryCrossEntropy", "MeanSquaredError"),
        "nn/test_losses.py::test_values_and_gradients_are_weighted_means",
    ),
    **dict.fromkeys(("L1", "L2", "GroupLasso"), "nn/test_penalties.py::test_values_are_those_of_the_formula"),
    "CosineDecay": "nn/test_learning_rates.py::test_cosine_follows_half_a_cosine_within_its_ends",
    "StepDecay": "nn/test_learning_rates.py::test_step_multiplies_by_the_factor_at_each_milestone",
    **dict.fromkeys(("SGD", "Adam", "AdamW"), "nn/test_optimizers.py::test_each_number_follows_the_rule_as_written"),
    "Network": "test_machine_training.py::TestTraining",
    "fit": "nn/test_training.py::test_seed_repeats",
    "History": "test_properties_parts.py::test_a_history_holds_its_rows_in_columns",
    "gradcheck": "nn/test_gradcheck.py::test_what_is_right_passes",
    "compose": "pruning/test_masks.py::test_compose_is_and",
    "shuffled": "pruning/test_masks.py::test_shuffle_control",
    "Magnitude": "pruning/criteria/test_criterion.py::test_magnitude_is_the_absolute_value",
    "GradientMagnitude": "pruning/criteria/test_gradients.py::test_gradient_is_true",
    "Saliency": "pruning/criteria/test_gradients.py::test_saliency_first_order",
    "Fisher": "pruning/criteria/test_gradients.py::test_fisher_by_hand",
    "Movement": "pruning/criteria/test_movement.py::test_movement_by_hand",
    "ActivationNorm": "pruning/criteria/test_activation.py::test_it_is_the_weight_times_the_norm_of_its_input",
    "SynFlow": "pruning/criteria/test_synflow.py::test_synflow_conserved",
    "GraSP": "pruning/criteria/test_grasp.py::test_grasp_by_hand",
    "OptimalBrainSurgeon": "pruning/criteria/test_surgeon.py::test_obs_quadratic",
    "Activity": "pruning/criteria/test_neuron.py::test_activity_is_the_share_of_rows_in_which_a_unit_is_not_zero",
    "NeuronTaylor": "pruning/criteria/test_neuron.py"
    "::test_taylor_is_the_mean_over_rows_of_the_size_of_activation_times_gradient",
    "Random": "pruning/criteria/test_criterion.py::test_random_seeded",
    "Unstructured": "pruning/test_patterns.py::test_a_single_weight_is_its_own_unit",
    "NM": "pruning/test_nm.py::test_nm_groups",
    "Vectors": "pruning/test_tiles.py::test_vectors_whole",
    "Blocks": "pruning/test_tiles.py::test_blocks_whole",
    "Neurons": "pruning/test_patterns.py::test_neuron_whole",
    "Global": "pruning/test_allocation.py::test_global_is_one_group_with_the_networks_count",
    "Uniform": "pruning/test_allocation.py::test_local_count_of_uniform",
    "PerLayer": "pruning/test_allocation.py::test_local_count_of_per_layer",
    "ErdosRenyi": "pruning/test_erdos_renyi.py::test_erk_budget",
    "LAMP": "pruning/test_lamp.py::test_it_is_the_papers_share_of_what_is_left",
    "Sensitivity": "pruning/test_sensitivity_allocation.py::test_no_other_counts_lose_less",
    "sensitivity": "test_properties_parts.py::test_a_sensitivity_curve_is_the_loss_of_plans_for_one_layer_alone",
    "plan": "pruning/test_counting.py::test_exact_count",
    "Plan": "pruning/test_plan.py::test_original_untouched",
    **dict.fromkeys(
        ("OneShot", "Linear", "Cubic", "Geometric", "Constant", "Custom"),
        "pruning/test_schedules.py::test_schedule_lands",
    ),
    **dict.fromkeys(("RigL", "SET"), "pruning/test_regrowth.py::test_regrow_conserves"),
    "Pruner": "pruning/test_pruner.py::test_schedule_lands_inside_fit",
    "prune_iteratively": "pruning/test_iterations.py::test_schedule_lands_in_rounds",
    **dict.fromkeys(("lottery_ticket", "Ticket"), "pruning/test_tickets.py::test_rewind_exact"),
    "compact": "inference/test_compaction.py::test_outputs_are_equal_where_sums_are_exact",
    **dict.fromkeys(
        ("DenseMatrix", "PackedDense", "CSR", "ELL", "Panels"), "inference/test_machine_sparse.py::TestAlgebra"
    ),
    "compile": "inference/test_program.py::test_outputs_are_equal_where_sums_are_exact",
    "Program": "test_properties_parts.py::test_a_program_answers_as_its_network_and_its_answers_are_the_callers",
    "analyze": "study/test_complexity.py::test_flops_are_those_of_a_forward_pass_in_loops",
    "evaluate": "study/test_evaluation.py::test_accuracy_log_loss_and_brier_score_are_those_of_one_row_at_a_time",
    "time_inference": "test_properties_study.py::test_a_model_that_always_takes_as_long_is_told_to_take_that",
    "compare": "test_properties_study.py::test_speed_ups_are_the_ratios_of_times",
    "breakeven": "test_properties_study.py::test_a_map_has_a_cell_for_everything_and_pays_where_the_ratio_does",
    "Breakeven": "study/test_frontier.py"
    "::test_the_frontier_is_the_lowest_sparsity_from_which_on_all_that_is_known_pays",
    **dict.fromkeys(
        ("replay", "Replay"),
        "test_properties_study.py::test_all_models_get_the_same_requests_one_by_one_and_each_is_answered_after_it_came",
    ),
    "sweep": "test_properties_study.py::test_a_sweep_has_a_record_for_every_run_with_the_count_that_was_asked_for",
    "Sweep": "study/test_sweep_records.py::test_mean_and_standard_deviation_are_those_of_the_definition",
    "reinitialised": "test_properties_parts.py::test_reinitialised_keeps_every_mask_and_nothing_else",
    "smaller": "study/test_controls.py::test_the_small_widths_are_near_the_nearest_of_all",
    "plot_masks": "test_properties_plots.py::test_every_mask_is_drawn_weight_by_weight",
    "plot_weights": "test_properties_plots.py::test_every_kept_weight_that_is_not_zero_is_in_a_bin",
    "plot_activity": "test_properties_plots.py"
    "::test_the_activity_of_every_unit_is_a_bar_and_none_is_higher_than_the_one_before",
    "plot_history": "test_properties_plots.py::test_every_epoch_of_a_history_is_a_point",
    "plot_quality": "test_properties_plots.py::test_a_curve_of_quality_goes_through_the_median_at_each_sparsity",
    "plot_sweep": "test_properties_plots.py::test_a_curve_of_a_sweep_goes_through_the_means_over_seeds",
    "plot_latency": "test_properties_plots.py::test_a_bar_of_latency_is_the_median_and_its_whisker_the_quartiles",
    "plot_breakeven": "test_properties_plots.py::test_every_cell_of_a_map_is_coloured_by_its_speed_up",
    "plot_replay": "test_properties_plots.py::test_every_response_is_on_the_curve_of_a_replay_at_its_rank",
    "plot_where_it_pays": "test_properties_plots.py::test_every_row_of_a_table_of_speed_ups_is_a_cell",
    **dict.fromkeys(("save", "load"), "storage/test_save_load.py::test_save_load_equal_and_save_stable"),
    **dict.fromkeys(
        ("MinpruneError", "InvalidTypeError", "InvalidValueError", "BudgetError", "DivergedError", "StorageError"),
        REFUSAL,
    ),
}


@cache
def _read(path):
    text = (TESTS / path).read_text()
    return text, ast.parse(text)


def _property(path, test):
    """Return whether a module holds a Hypothesis property or a state machine of that name."""
    for node in _read(path)[1].body:
        if isinstance(node, ast.FunctionDef) and node.name == test:
            return any(re.match(r"given\(|parametrize_with_checks\(", ast.unparse(d)) for d in node.decorator_list)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == test:
            return ast.unparse(node.value).endswith(".TestCase")
    return False


def test_every_public_name_has_a_property():
    assert set(PROPERTY) == set(mp._HOME)


@pytest.mark.parametrize("name", [name for name, place in PROPERTY.items() if place != REFUSAL])
def test_it_is_one_and_speaks_of_the_name(name):
    path, test = PROPERTY[name].split("::")
    assert _property(path, test), f"{path} has no property {test}"
    assert re.search(rf"\b{name}\b", _read(path)[0]), f"{path} doesn't speak of {name}"


def test_only_errors_are_left_to_the_table_of_refusals():
    assert (TESTS / REFUSAL).exists()
    for name, place in PROPERTY.items():
        kind = getattr(mp, name)
        assert (place == REFUSAL) == (isinstance(kind, type) and issubclass(kind, mp.MinpruneError)), name
