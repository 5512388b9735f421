"""The page about settings of what is trained, and of robot files."""

from __future__ import annotations

from pydantic import BaseModel

from docs.generate.markdown import page, sentence
from docs.generate.settings import settings_table
from docs.generate.source import docstring, load

TRAINED: dict[str, str] = {
    "rotoscope train inverse-dynamics": (
        "rotoscope.models.inverse_dynamics.config:InverseDynamicsConfig"
    ),
    "rotoscope train copy": "rotoscope.models.labelers.copying:CopyConfig",
    "rotoscope train latent-action": "rotoscope.models.latent_actions.config:LatentActionConfig",
    "rotoscope curate": "rotoscope.pipeline.curation.config:CurationConfig",
    "rotoscope train policy --policy bc": "rotoscope.models.policy.config:BcConfig",
    "rotoscope train rl": "rotoscope.models.reinforcement.config:ReinforcementConfig",
    "rotoscope train policy --policy act": "rotoscope.models.policy.lerobot_training:LerobotConfig",
}
"""Settings by the command whose `-o KEY=VALUE` sets them."""

ROBOT_FILES: dict[str, str] = {
    "Arms": "rotoscope.retarget.robots.config:ArmConfig",
    "Hands": "rotoscope.retarget.robots.config:HandConfig",
    "Humanoids": "rotoscope.retarget.robots.config:HumanoidConfig",
    "Two arms": "rotoscope.retarget.robots.two_arms_config:TwoArmsConfig",
}
"""What the YAML file of a robot may hold."""


def make() -> str:
    """The page."""
    return page(
        "Training and robot files",
        "Settings of the training commands, given as `-o KEY=VALUE`, and keys of the YAML file of "
        "a robot. This page is made from the code.",
        *(_section(f"`{name}`", reference) for name, reference in TRAINED.items()),
        *(_section(f"Robot files: {name.lower()}", r) for name, r in ROBOT_FILES.items()),
    )


def _section(title: str, reference: str) -> str:
    model: type[BaseModel] = load(reference)
    text = sentence(docstring(model).partition("\n\n")[0])
    return f"## {title}\n\n{text}\n\n{settings_table(model)}"
