"""Which modules are mutated, and which tests must notice: one line a module."""

from __future__ import annotations

SAMPLE = 60
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
    "pipeline/smoothing/coupled.py": ("tests/smoothing/test_coupled.py",),
    "pipeline/smoothing/knots.py": ("tests/smoothing/test_knots.py",),
    "pipeline/smoothing/layout.py": ("tests/smoothing/test_layout.py",),
    "pipeline/smoothing/many.py": ("tests/smoothing/test_smooth_many.py",),
    "pipeline/smoothing/measurement.py": ("tests/smoothing/test_measurement.py",),
    "pipeline/smoothing/process.py": ("tests/smoothing/test_process_noise.py",),
    "pipeline/smoothing/rotations.py": ("tests/smoothing/test_smooth_rotations.py",),
    "pipeline/smoothing/segments.py": ("tests/smoothing/test_segments.py",),
    "pipeline/smoothing/stationary.py": ("tests/smoothing/test_stationary.py",),
    "pipeline/smoothing/vectors.py": ("tests/smoothing/test_smooth_vectors.py",),
    "pipeline/converters/blocks.py": ("tests/test_converters.py",),
    "pipeline/converters/gripper.py": ("tests/test_converters.py",),
    "pipeline/converters/relative.py": ("tests/test_converters.py",),
    "pipeline/converters/rotation.py": ("tests/test_converters.py",),
    "pipeline/resample.py": ("tests/test_resample.py",),
    "pipeline/contract.py": ("tests/test_contract.py",),
    "pipeline/doctor/lag.py": ("tests/doctor/test_doctor_lag.py",),
    "pipeline/doctor/jumps.py": ("tests/doctor/test_jumps.py",),
    "pipeline/doctor/statistics.py": ("tests/doctor/test_statistics.py",),
}
"""Module -> test files, all from the repository's root. A group is the module's folder."""
