"""`--env.type=rotoscope`: its options, and the environments made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from rotoscope.models.simulators.simulator import IMAGES, STATE, Views, open_simulator

TYPE = "rotoscope"


def register() -> None:
    """Makes the environment known to LeRobot; harmless when called again."""
    from lerobot.configs import FeatureType, PolicyFeature
    from lerobot.envs import EnvConfig

    if TYPE in EnvConfig.get_known_choices():
        return

    @EnvConfig.register_subclass(TYPE)
    @dataclass
    class RotoscopeEnv(EnvConfig):  # type: ignore[misc]  # LeRobot's types are not seen here
        """A simulator of Rotoscope's."""

        task: str | None = "metaworld:push-v3"
        # Steps a second; 0: the simulator's own.
        fps: int = 0
        # Cameras by name, with commas between; empty: no pictures.
        cameras: str = ""
        observation_width: int = 96
        observation_height: int = 96
        # Numbers of the state by name, with commas between; empty: all of the simulator's.
        state: str = ""
        # Steps of an episode; 0: as many as the simulator gives.
        episode_length: int = 0

        def __post_init__(self) -> None:
            simulator = open_simulator(str(self.task), self.views)
            facts = simulator.facts
            simulator.close()
            self.fps = self.fps or facts.fps
            names = _names(self.state) or facts.state_names
            actions = (len(facts.contract.dimensions),)
            self.features = {
                "action": PolicyFeature(type=FeatureType.ACTION, shape=actions),
                "agent_pos": PolicyFeature(type=FeatureType.STATE, shape=(len(names),)),
            }
            self.features_map = {"action": "action", "agent_pos": STATE}
            shape = (self.observation_height, self.observation_width, 3)
            for camera in self.views.cameras:
                self.features[f"pixels/{camera}"] = PolicyFeature(FeatureType.VISUAL, shape)
                self.features_map[f"pixels/{camera}"] = IMAGES + camera

        @property
        def views(self) -> Views:
            """Pictures of an observation."""
            cameras = _names(self.cameras)
            return Views(cameras, self.observation_width, self.observation_height)

        @property
        def gym_kwargs(self) -> dict[str, Any]:
            """Arguments of `GymEnvironment`."""
            return {
                "name": self.task,
                "views": self.views,
                "state_names": _names(self.state),
                "horizon": self.episode_length,
            }

        def create_envs(
            self, n_envs: int, use_async_envs: bool = False
        ) -> dict[str, dict[int, Any]]:
            """One task, `n_envs` of it side by side.

            As LeRobot's own: one that has ended rests until the next rollout begins, and does not
            start another episode whose pictures and rewards would be counted to this one.
            """
            from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
            from lerobot.envs.utils import freeze_after_episode_end

            from rotoscope.models.simulators.gym_environment import GymEnvironment

            maker = freeze_after_episode_end(partial(GymEnvironment, **self.gym_kwargs))
            makers = [maker] * n_envs
            if use_async_envs and n_envs > 1:
                vector: Any = AsyncVectorEnv(
                    makers, context="forkserver", autoreset_mode=AutoresetMode.SAME_STEP
                )
            else:
                vector = SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)
            return {TYPE: {0: vector}}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
