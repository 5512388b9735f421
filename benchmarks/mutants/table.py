"""Which modules are mutated, and which tests must notice: one line a module."""

from __future__ import annotations

SAMPLE = 40
"""Mutants tried of a module that has more; drawn with `SEED`."""

SEED = 0
"""Of the draw. Another seed draws others: a check that tests were not written to the sample."""

FLOOR = 0.8
"""Share of mutants that each group's tests must kill."""

MODULES: dict[str, tuple[str, ...]] = {
    "pipeline/geometry/se3.py": ("tests/geometry/test_se3.py",),
    "pipeline/geometry/pinhole.py": ("tests/geometry/test_pinhole.py",),
    "pipeline/geometry/hand_frame.py": ("tests/geometry/test_hand_frame.py",),
    "pipeline/smoothing/block_tridiagonal.py": ("tests/smoothing/test_block_tridiagonal.py",),
    "pipeline/smoothing/em.py": ("tests/smoothing/test_em.py",),
    "pipeline/smoothing/knots.py": ("tests/smoothing/test_knots.py",),
    "pipeline/smoothing/layout.py": ("tests/smoothing/test_layout.py",),
    "pipeline/smoothing/multivariate.py": ("tests/smoothing/test_multivariate.py",),
    "pipeline/smoothing/measurement.py": ("tests/smoothing/test_measurement.py",),
    "pipeline/smoothing/process.py": ("tests/smoothing/test_process_noise.py",),
    "pipeline/smoothing/rotations.py": ("tests/smoothing/test_smooth_rotations.py",),
    "pipeline/smoothing/segments.py": ("tests/smoothing/test_segments.py",),
    "pipeline/smoothing/stationary.py": ("tests/smoothing/test_stationary.py",),
    "pipeline/smoothing/vectors.py": ("tests/smoothing/test_smooth_vectors.py",),
    "pipeline/converters/blocks.py": (
        "tests/test_converter_values.py",
        "tests/test_converters.py",
    ),
    "pipeline/converters/gripper.py": (
        "tests/test_converter_values.py",
        "tests/test_converters.py",
    ),
    "pipeline/converters/relative.py": (
        "tests/test_converter_values.py",
        "tests/test_converters.py",
    ),
    "pipeline/converters/rotation.py": ("tests/test_converters.py",),
    "pipeline/episodes/resample.py": ("tests/episodes/test_resample.py",),
    "pipeline/contract.py": ("tests/test_contract.py",),
    "models/colors/paths.py": ("tests/models/colors/test_color_paths.py",),
    "models/hands/plausibility.py": ("tests/models/hands/test_plausibility.py",),
    "models/inverse_dynamics/calibration.py": (
        "tests/models/inverse_dynamics/test_calibration.py",
    ),
    "models/inverse_dynamics/cross_conformal.py": (
        "tests/models/inverse_dynamics/test_cross_conformal.py",
    ),
    "models/inverse_dynamics/error_model.py": (
        "tests/models/inverse_dynamics/test_error_model.py",
    ),
    "models/inverse_dynamics/kernel_ridge.py": (
        "tests/models/inverse_dynamics/test_kernel_ridge.py",
    ),
    "models/latent_actions/codebook.py": ("tests/models/latent_actions/test_codebook.py",),
    "models/perception/least_squares.py": ("tests/models/perception/test_least_squares.py",),
    "models/perception/pnp.py": ("tests/models/perception/test_pnp.py",),
    "models/training/action_space.py": ("tests/models/training/test_action_space.py",),
    "models/training/folds.py": ("tests/models/training/test_folds.py",),
    "models/training/scaling.py": ("tests/models/training/test_scaling.py",),
    "models/training/windows.py": ("tests/models/training/test_windows.py",),
    "retarget/arm/waypoints.py": ("tests/retarget/arm/test_waypoints.py",),
    "retarget/arm/manipulability.py": ("tests/retarget/arm/test_manipulability.py",),
    "retarget/common/confidence.py": ("tests/retarget/common/test_confidence.py",),
    "retarget/gripper/hand_shape.py": ("tests/retarget/gripper/test_hand_shape.py",),
    "retarget/gripper/pose.py": ("tests/retarget/gripper/test_gripper_pose.py",),
    "retarget/gripper/rate_limit.py": ("tests/retarget/gripper/test_gripper_rate.py",),
    "retarget/humanoid/balance_cost.py": ("tests/retarget/humanoid/test_balance_cost.py",),
    "retarget/optimize/banded.py": ("tests/retarget/optimize/test_banded.py",),
    "retarget/optimize/cost.py": ("tests/retarget/optimize/test_cost.py",),
    "retarget/optimize/differences.py": ("tests/retarget/optimize/test_differences.py",),
    "retarget/optimize/feasible.py": (
        "tests/retarget/optimize/test_violations.py",
        "tests/retarget/optimize/test_feasible.py",
    ),
    "retarget/optimize/interior_point.py": ("tests/retarget/optimize/test_interior_point.py",),
    "retarget/optimize/terms.py": (
        "tests/retarget/optimize/test_term_values.py",
        "tests/retarget/optimize/test_terms.py",
    ),
    "retarget/optimize/violations.py": ("tests/retarget/optimize/test_violations.py",),
    "retarget/robots/joint_limits.py": ("tests/retarget/robots/test_joint_limits.py",),
    "pipeline/doctor/lag.py": ("tests/doctor/test_doctor_lag.py",),
    "pipeline/doctor/jumps.py": ("tests/doctor/test_jumps.py",),
    "pipeline/doctor/statistics.py": ("tests/doctor/test_statistics.py",),
}
"""Module -> test files, all from the repository's root. A group is the module's folder."""
