"""BCO for numbers: HalfCheetah and Hopper learned from states alone, against their teacher.

Ten demonstrations of the simulator's expert (a linear policy, see `_locomotion_teachers`), their
actions hidden. Labels are scored on all numbers of the demonstrations' actions, policies by their
return over that of the teacher from the same twenty starts, which nobody learned from. Rounds and
networks are those that were tried first; that rounds are filled up came with Hopper.
"""

from __future__ import annotations

import numpy as np

from benchmarks.figure import Bar, Figure
from rotoscope.models.bco.train import greedy, iterate_bco, kind_of
from rotoscope.models.labelers.scores import r_squared
from rotoscope.models.simulators.locomotion import ROBOTS
from rotoscope.models.simulators.rollout import Act, rollout, scripted_expert
from rotoscope.models.simulators.simulator import STATE, Simulator, open_simulator
from rotoscope.models.training.action_space import ActionSpace

NUM_DEMONSTRATIONS, SEED = 10, 1
STARTS = range(900_000, 900_020)


def run() -> list[Figure]:
    """R2 of labels and share of the teacher's return, by robot."""
    return [figure for robot in ROBOTS for figure in measure(f"gymnasium:{robot}", seed=SEED)]


def measure(environment: str, *, seed: int) -> list[Figure]:
    """One robot with one seed."""
    simulator = open_simulator(environment)
    shown = [demonstration(simulator, start) for start in range(NUM_DEMONSTRATIONS)]
    rounds = iterate_bco(
        simulator, [states for states, _ in shown], kind_of(simulator).settings, seed=seed
    )
    truth = np.concatenate([actions for _, actions in shown])
    space = ActionSpace.of(simulator.facts.contract)
    r2 = [r_squared(np.concatenate(one.labels), truth, space).mean() for one in rounds]
    teacher = mean_return(simulator, scripted_expert(simulator))
    reached = mean_return(simulator, greedy(rounds[-1].policy, simulator))
    simulator.close()
    name = f"locomotion.{environment.partition(':')[2]}"
    return [
        Figure(f"{name}.teacher_return", teacher, "1"),
        Figure(f"{name}.first_round_label_r2", float(r2[0]), "1"),
        Figure(f"{name}.label_r2", float(r2[-1]), "1", Bar(">=", 0.98)),
        Figure(f"{name}.return_over_teacher", reached / teacher, "1", Bar(">=", 0.95)),
    ]


def demonstration(simulator: Simulator, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """States, one more than actions, and the actions of the expert."""
    steps = list(rollout(simulator, scripted_expert(simulator), seed=seed))
    states = [t.observation[STATE] for t in steps] + [steps[-1].step.observation[STATE]]
    return np.array(states), np.array([t.action for t in steps], float)


def mean_return(simulator: Simulator, act: Act) -> float:
    """Over `STARTS`."""
    returns = [sum(t.step.reward for t in rollout(simulator, act, seed=s)) for s in STARTS]
    return float(np.mean(returns))
