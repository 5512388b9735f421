"""One robot's trajectory as it is put under gravity: stretches of known values, and steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SIDES, Side, runs
from rotoscope.retarget.physics.model import link_positions
from rotoscope.retarget.physics.pd_tracking import track_with_pd
from rotoscope.retarget.physics.residual_wrench import residual_wrench
from rotoscope.retarget.physics.result import PhysicsResult
from rotoscope.retarget.physics.settings import PhysicsSettings, Root, Step


@dataclass(frozen=True, eq=False)
class SimulatedMotion:
    """The trajectory of one robot."""

    path: Path
    names: tuple[str, ...]
    joints: Float[np.ndarray, "time joint"]
    root: Float[np.ndarray, "time 6"] | None
    time_s: Float[np.ndarray, " time"]
    steps: tuple[Step, ...] = ()
    efforts: Mapping[str, float] = field(default_factory=dict)

    def on_steps(
        self, support_m: Float[np.ndarray, "time 2"], feet: Mapping[Side, str]
    ) -> SimulatedMotion:
        """The same with a step under each foot that rests higher than the floor."""
        found = []
        for k, side in enumerate(SIDES):
            for a, b in runs(np.nan_to_num(support_m[:, k]) > 0):
                known = np.flatnonzero(self.known[a:b]) + a
                if len(known):
                    found.append((feet[side], int(known[len(known) // 2]), support_m[a, k]))
        if not found or self.root is None:
            return self
        links, frames, heights = zip(*found, strict=True)
        xyz, R = self.root[list(frames), :3], se3.exp_so3(self.root[list(frames), 3:])
        at = link_positions(self.path, links, xyz, R, self.joints[list(frames)], self.names)
        steps = (Step(float(p[0]), float(p[1]), float(h)) for p, h in zip(at, heights, strict=True))
        return replace(self, steps=tuple(steps))

    @property
    def known(self) -> Bool[np.ndarray, " time"]:
        """Frames in which all values are known."""
        known = np.isfinite(self.joints).all(axis=1)
        return known if self.root is None else known & np.isfinite(self.root).all(axis=1)

    def spans(self, min_length_s: float) -> list[tuple[int, int]]:
        """Stretches of known frames that are long enough."""
        return [
            (a, b)
            for a, b in runs(self.known)
            if b - a >= 2 and self.time_s[b - 1] - self.time_s[a] >= min_length_s
        ]

    def tracked(self, a: int, b: int, root: Root, settings: PhysicsSettings) -> PhysicsResult:
        """What becomes of frames `[a, b)` under gravity."""
        xyz, R = self._root(a, b)
        joints, time_s = self.joints[a:b], self.time_s[a:b]
        what = (self.path, xyz, R, joints, self.names, time_s, settings)
        return track_with_pd(*what, root=root, steps=self.steps, efforts=self.efforts)

    def missing(self, a: int, b: int, settings: PhysicsSettings) -> Float[np.ndarray, "frame 2"]:
        """What no contact can give in frames `[a, b)`; NaN for a bolted robot."""
        xyz, R = self._root(a, b)
        if xyz is None or R is None:
            return np.full((b - a, 2), np.nan)
        joints, time_s = self.joints[a:b], self.time_s[a:b]
        what = (self.path, xyz, R, joints, self.names, time_s, settings)
        return residual_wrench(*what, steps=self.steps)

    def _root(self, a: int, b: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        if self.root is None:
            return None, None
        return self.root[a:b, :3], se3.exp_so3(self.root[a:b, 3:])
