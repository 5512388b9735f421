"""From a demonstration without actions to a policy, by trying in a simulator."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.models.policy.bc_policy import BcPolicy, PolicyFacts, save_policy
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.reinforcement.config import ReinforcementConfig
from rotoscope.models.reinforcement.episode import Episode, Watcher
from rotoscope.models.reinforcement.rewards import NAMES, TRUE, reward_model
from rotoscope.models.reinforcement.schedule import DiscountSchedule
from rotoscope.models.reinforcement.shown import NOTHING, Imitated, Shown, described, read_shown
from rotoscope.models.reinforcement.trial import Actor, Learned, Tried, watch
from rotoscope.models.rewards.seen import Seen
from rotoscope.models.simulators.simulator import STATE, Simulator, SimulatorFacts, open_simulator
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.model_folder import package_versions
from rotoscope.models.training.scaling import Scaling
from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.files.atomic import write_text_atomic
from rotoscope.pipeline.settings import read_settings

POLICY, CURVES, PLOT = "policy", "curves.json", "curves.png"
"""What is written below `out`."""
_RANDOM_STARTS, _OWN_STARTS, _TRIED_FROM = 4_000_000, 3_000_000, 910_000
"""First starts of episodes at random, of those that are learned from, and of trials."""
_NUM_RANDOM, _NUM_TRIED = 4, 5
"""Episodes at random by which states and pictures are scaled, and episodes of a trial; one where
every episode has the same start."""
_LEAST_SCALE = 0.1
"""A number of the state is taken to spread by this share of the one that spreads most, at least.
Set, not tuned: a thing that no random hand has touched would otherwise count for everything."""


@dataclass(frozen=True)
class ReinforcementRequest:
    """What is learned, from what."""

    env: str
    """Simulator, such as `metaworld:button-press-v3`."""
    out: Path
    """Folder for `policy`, `curves.json` and `curves.png`."""
    data: Path | None = None
    """LeRobot v3 dataset of demonstrations, or one video file; actions are not read. May be
    missing for the reward `true` alone."""
    demos: tuple[str, ...] = ()
    """Which episodes of it; all where empty."""
    seen: Seen = field(default_factory=Seen)
    """What of them counts; the state where nothing is named."""
    reward: str = NAMES[0]
    """What is learned from, a name out of `rewards.NAMES`."""
    overrides: tuple[str, ...] = ()
    """Settings of `ReinforcementConfig`."""


def train_by_reinforcement(
    request: ReinforcementRequest, *, listener: Callable[[Tried], None] = lambda tried: None
) -> Learned:
    """Learns a policy in a simulator from what a demonstration shows, without its actions.

    Args:
        request: What is wanted.
        listener: Told of every trial.

    Returns:
        All trials, and which of them the policy is that is kept; see `learn`.

    Raises:
        UsageError: A setting out of range, an unknown reward, simulator or camera, actions that are
            not numbers between limits, a missing package, or `out` holds something.
        DatasetError: A column or camera is not there, or nothing moves in the demonstrations.
        VideoError: The video cannot be read.
    """
    config = read_settings(list(request.overrides), ReinforcementConfig)
    _check(request, config)
    simulator, other = open_simulator(request.env), open_simulator(request.env)
    try:
        horizon = _check_simulator(simulator, config)
        shown = NOTHING
        if request.data is not None:
            shown = read_shown(request.data, request.demos, request.seen)
        watchers = [Watcher(one, shown, every=config.look_every) for one in (simulator, other)]
        states, pictures = _at_random(other, watchers[1], config, horizon)
        imitated = described(shown, pictures) if shown is not NOTHING else None
        for watcher in watchers:
            watcher.describe = imitated.describe if imitated else None
        scaling = _scaling(shown, states, simulator.facts)
        learned = _learn(
            request, config, (simulator, other), watchers, imitated, scaling, horizon, listener
        )
        policy = _policy(learned.actor, scaling, simulator.facts, config, imitated)
        policy.metrics.update(_plain(learned.kept))
        save_policy(policy, request.out / POLICY)
    finally:
        simulator.close()
        other.close()
    lines = [_plain(one) for one in learned.tried]
    facts = {"env": request.env, "reward": request.reward, **config.model_dump(), "trials": lines}
    write_text_atomic(request.out / CURVES, json.dumps(facts, indent=2) + "\n")
    _plot(learned.tried, request.reward, request.out / PLOT)
    return learned


def _plain(one: Tried) -> dict[str, float | None]:
    """As JSON has it, which knows no NaN."""
    return {name: None if value != value else value for name, value in asdict(one).items()}


def _check(request: ReinforcementRequest, config: ReinforcementConfig) -> None:
    if request.reward not in NAMES:
        raise UsageError(f"unknown reward {request.reward!r}; valid ones are {quoted(NAMES)}")
    if request.data is None and (request.reward != TRUE or config.schedule != "none"):
        raise UsageError(
            f"the reward {request.reward} and the schedule {config.schedule} need a demonstration: "
            "name a dataset or a video with --data"
        )
    if importlib.util.find_spec("stable_baselines3") is None:
        raise UsageError(
            "reinforcement learning needs the package stable-baselines3, which is not installed: "
            "pip install 'rotoscope[rl]'"
        )
    if request.out.exists() and (not request.out.is_dir() or any(request.out.iterdir())):
        raise UsageError(
            f"{request.out} is not empty; name another folder with --out, or remove it"
        )


def _check_simulator(simulator: Simulator, config: ReinforcementConfig) -> int:
    """Steps of an episode."""
    facts = simulator.facts
    kinds = {block.kind for block in ActionSpace.of(facts.contract).blocks}
    if kinds != {"plain"} or not np.isfinite(facts.contract.bounds()).all():
        raise UsageError(
            f"{facts.name} asks for {', '.join(facts.contract.names)}; only plain numbers that all "
            "have limits are learned here, as of metaworld: or gymnasium:HalfCheetah-v5"
        )
    if config.horizon > facts.horizon:
        raise UsageError(
            f"horizon is {config.horizon}; an episode of {facts.name} has {facts.horizon} steps at "
            "most"
        )
    return config.horizon or facts.horizon


def _at_random(
    simulator: Simulator, watcher: Watcher, config: ReinforcementConfig, horizon: int
) -> tuple[Float[np.ndarray, "row number"], np.ndarray]:
    """States and pictures of a few episodes at random."""
    low, high = simulator.facts.contract.bounds()
    draw = np.random.default_rng(config.seed)
    states: list[np.ndarray] = []
    pictures: list[np.ndarray] = []

    def act(observation: dict[str, np.ndarray]) -> np.ndarray:
        states.append(observation[STATE].astype(float))
        return draw.uniform(low, high)

    for number in range(_NUM_RANDOM):
        start = config.start if config.start >= 0 else _RANDOM_STARTS + number
        watch(simulator, watcher, act, start, horizon)
        pictures.append(watcher.pictures())
    return np.stack(states), np.concatenate(pictures)


def _scaling(
    shown: Shown, states: Float[np.ndarray, "row number"], facts: SimulatorFacts
) -> Scaling:
    """Of states by what is shown and what happens at random; of actions to their limits."""
    rows = states
    if tuple(shown.names) == facts.state_names:
        rows = np.concatenate([states, *(d[np.isfinite(d).all(1)] for d in shown.numbers)])
    spread = rows.std(0)
    low, high = facts.contract.bounds()
    return Scaling(
        input_mean=rows.mean(0),
        input_scale=np.maximum(spread, max(_LEAST_SCALE * float(spread.max()), 1e-6)),
        encoded_mean=(low + high) / 2,
        encoded_scale=(high - low) / 2,
    )


def _learn(
    request: ReinforcementRequest,
    config: ReinforcementConfig,
    simulators: tuple[Simulator, Simulator],
    watchers: Sequence[Watcher],
    imitated: Imitated | None,
    scaling: Scaling,
    horizon: int,
    listener: Callable[[Tried], None],
) -> Learned:
    from rotoscope.models.reinforcement.environment import LearningEnvironment
    from rotoscope.models.reinforcement.learn import Lesson, learn

    learning, trying = simulators
    facts = learning.facts

    def try_actor(actor: Actor) -> tuple[list[Episode], list[bool]]:
        policy = _policy(actor, scaling, facts, config, imitated)
        is_fixed = config.start >= 0
        starts = [config.start] if is_fixed else range(_TRIED_FROM, _TRIED_FROM + _NUM_TRIED)
        done = [watch(trying, watchers[1], policy.act, start, horizon) for start in starts]
        return [episode for episode, _ in done], [is_solved for _, is_solved in done]

    environment = LearningEnvironment(
        learning,
        watchers[0],
        scaling,
        horizon=horizon,
        start=config.start,
        first_start=_OWN_STARTS + 10_000 * config.seed,
    )
    schedule = None
    if config.schedule == "ads":
        assert imitated is not None
        schedule = DiscountSchedule(imitated.goals, steps_per_row=config.look_every)
    reward = reward_model(request.reward, imitated, seed=config.seed)
    return learn(Lesson(environment, reward, config, schedule, try_actor, listener))


def _policy(
    actor: Actor,
    scaling: Scaling,
    facts: SimulatorFacts,
    config: ReinforcementConfig,
    imitated: Imitated | None,
) -> BcPolicy:
    """The policy as a folder of the built-in kind holds it; it sees the simulator's state."""
    digest = hashlib.sha256()
    for demo in imitated.demos if imitated else ():
        digest.update(np.ascontiguousarray(demo).tobytes())
    described_by = PolicyFacts(
        family="reinforcement",
        config=BcConfig(inputs=(STATE,), hidden=config.hidden),
        contract=facts.contract,
        input_names=(facts.state_names,),
        image_size=(0, 0),
        ends_in_tanh=True,
        data_sha256=digest.hexdigest(),
        packages=package_versions(),
    )
    return BcPolicy(described_by, scaling, actor, {})


def _plot(tried: Sequence[Tried], reward: str, path: Path) -> None:
    """Return, success and reward over steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.subplots(3, sharex=True)
    steps = [one.step for one in tried]
    lines = (("mean_return", "return"), ("success", "success"), ("mean_reward", reward))
    for axis, (name, label) in zip(axes, lines, strict=True):
        axis.plot(steps, [getattr(one, name) for one in tried], marker=".")
        axis.set_ylabel(label)
    axes[-1].set_xlabel("steps in the simulator")
    figure.savefig(path, dpi=110)
