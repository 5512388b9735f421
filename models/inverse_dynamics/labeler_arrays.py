"""What numbers a trained labeler's file must hold, by its settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.labelers.familiarity import familiarity_shapes
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.model_folder import Shape, check_shapes, damaged
from rotoscope.pipeline.contract import ActionContract


def check_labeler_arrays(
    arrays: dict[str, np.ndarray],
    config: InverseDynamicsConfig,
    contract: ActionContract,
    num_own: int,
    path: Path,
) -> None:
    """Checks that a labeler's numbers are what its settings and its `num_own` columns ask for.

    Raises:
        UsageError: They are not.
    """
    num_actions, num_encoded = len(contract.dimensions), ActionSpace.of(contract).num_encoded
    wanted: dict[str, Shape] = {
        "scaling.input_mean": ("input",),
        "scaling.input_scale": ("input",),
        "scaling.encoded_mean": (num_encoded,),
        "scaling.encoded_scale": (num_encoded,),
        "scaling.spread": (num_actions,),
        "calibration.factor": (num_actions,),
        "calibration.ceiling": (num_actions,),
        "calibration.temperature": (1,),
    }
    sizes = check_shapes({k: arrays[k] for k in wanted if k in arrays}, wanted, path)
    num_inputs = sizes["input"]
    others = len(config.window.offsets_s(contract.rate_hz)) - 1
    if num_inputs % (others + config.window.has_levels):
        raise damaged(path, f"{num_inputs} inputs are not the samples of whole windows")
    num_features = 4 + others * (bool(num_inputs) + config.learns_images)
    wanted |= {
        "doubt.mean": (num_actions, num_features),
        "doubt.scale": (num_actions, num_features),
        "doubt.weight": (num_actions, num_features + 1),
        "evidence.inputs": ("held-out row", num_features - 2),
        "evidence.scores": ("held-out row", num_actions),
        "evidence.weights": ("held-out row",),
    }
    wanted |= familiarity_shapes(arrays, num_own, has_pictures=bool(config.camera))
    if config.learns_components:
        wanted |= {"components.mean": ("pixel",), "components.directions": ("pixel", "component")}
    if config.is_blend:
        wanted |= {
            "beside.centres": ("center beside", "seen beside"),
            "beside.weight": ("center beside", num_encoded),
            "beside.exponent": (1,),
        }
    members = {name.split(".")[1] for name in arrays if name.startswith("member.")}
    for k in range(max(len(members), 1)):
        if config.kind == "ridge":
            wanted[f"member.{k}.weight"] = (num_inputs + 1, num_encoded)
            wanted[f"member.{k}.log_variance"] = (num_inputs + 1, num_actions)
        elif config.kind == "kernel":
            wanted[f"member.{k}.centres"] = (f"centers of {k}", num_inputs)
            wanted[f"member.{k}.weight"] = (f"centers of {k}", num_encoded)
            wanted[f"member.{k}.exponent"] = (1,)
        else:
            # Their shapes are their own business: they are looked at where they are used.
            wanted |= {n: v.shape for n, v in arrays.items() if n.startswith(f"member.{k}.")}
            wanted.setdefault(f"member.{k}.head.0.weight", ("hidden", "seen"))
    check_shapes(arrays, wanted, path)
