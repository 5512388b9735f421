"""Linear policies of robots that run; `rotoscope.models.simulators.locomotion` says whose.

Found by `python -m benchmarks._locomotion_teachers`, four digits kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class LinearGait:
    """Torques that are a line in the state, within -1 to 1."""

    weight: Float[np.ndarray, "action state"]
    """Share of a motor's torque for each number of the state."""
    offset: Float[np.ndarray, " action"]
    """Share of it where all of them are 0."""

    def __call__(self, state: Float[np.ndarray, " state"]) -> Float[np.ndarray, " action"]:
        """What is done in a state."""
        return np.clip(self.weight @ state + self.offset, -1, 1)


# fmt: off
HALF_CHEETAH = LinearGait(
    np.array(
        [
            [-4.4560, -0.7176, -0.6800, -0.1859, -0.2896, -0.5857, 0.0518, 0.1958, 0.0709,
             0.2434, -0.0151, -0.0689, -0.0158, -0.0045, -0.0560, 0.0055, -0.0065],
            [4.9634, -0.8189, -1.9018, 0.2068, -0.4531, 1.1993, -0.8050, 1.9158, 0.0830,
             1.0596, -0.2448, -0.0513, 0.0309, -0.0006, 0.0085, -0.0491, -0.0323],
            [-6.7584, -0.3306, -0.3003, 0.0778, 0.7535, -0.2061, -0.3381, -0.5527, -0.1981,
             -0.9058, 0.0074, 0.0166, -0.0446, -0.0082, 0.0082, 0.0880, 0.0205],
            [-3.5207, 0.0918, -0.5295, -1.1722, 1.0296, 0.0861, 0.6460, -0.1191, 0.0088,
             0.6729, -0.1387, -0.0575, 0.0358, -0.0182, -0.0303, -0.0380, 0.0224],
            [-3.4516, 0.4798, -1.2148, -0.0993, -0.6086, 0.1258, -1.7092, -0.9946, 0.2423,
             -0.2754, 0.1435, 0.0065, -0.0118, 0.0111, -0.0333, -0.0570, 0.0124],
            [-4.3094, 0.0780, -1.0237, -1.0332, 0.0705, -0.6166, 0.5613, 0.3338, 0.2503,
             0.0455, -0.2316, -0.0802, 0.0166, -0.0342, 0.0313, -0.0108, -0.0576],
        ]
    ),
    np.array([-0.6121, 1.0484, -0.5376, -0.2934, -1.2011, -0.9666]),
)
# fmt: on
# fmt: off
HOPPER = LinearGait(
    np.array(
        [
            [2.8318, 0.6077, -0.4166, -0.0134, 0.7417, 0.0757, -0.1949, -0.1732, -0.6873,
             -0.0782, 0.0619],
            [1.4628, -2.5632, 0.3570, -0.4581, -0.3201, 0.1339, 0.6370, -0.1921, 0.1103,
             -0.4909, -0.0327],
            [2.3701, -4.1181, -0.5483, 0.0711, -0.5708, -0.7725, 0.1807, 0.2277, 0.2637,
             -0.0422, -0.2209],
        ]
    ),
    np.array([-3.7001, -1.5923, -2.0893]),
)
# fmt: on
