"""A simulator of ten lines: a point is pushed along a line to the middle."""

import numpy as np

from rotoscope.models.simulators.simulator import STATE, SimulatorFacts, Step
from rotoscope.pipeline.contract import ActionContract, Dimension

RATE_HZ = 10


class Point:
    """Solved within a tenth of a meter of the middle; the expert is a clipped spring."""

    def __init__(self, task, views):
        self.views = views
        push = Dimension(name="push", quantity="position", unit="m/s", lower=-1, upper=1)
        contract = ActionContract(
            robot="point",
            dimensions=(push,),
            mode="delta",
            frame="line",
            rotation="none",
            rate_hz=RATE_HZ,
            shift_s=0,
            is_state=False,
        )
        self.facts = SimulatorFacts(
            f"point:{task}", "to the middle", RATE_HZ, 40, contract, ("x",), (), "within 0.1 m"
        )

    def reset(self, seed):
        self.x = np.random.default_rng(seed).choice([-1, 1]) * (1 + seed % 7 / 7)
        return self._seen()

    def step(self, action):
        self.x += 0.1 * float(np.clip(action[0], -1, 1))
        return Step(self._seen(), -abs(self.x), bool(abs(self.x) < 0.1), False)

    def expert(self):
        return np.clip([-2 * self.x], -1, 1)

    def render(self, camera, *, width, height):
        return np.zeros((height, width, 3), np.uint8)

    def close(self):
        pass

    def _seen(self):
        return {STATE: np.array([self.x], np.float32)}
