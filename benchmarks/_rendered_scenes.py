"""The rendered scenes: some to choose constants on, others to report figures on."""

from __future__ import annotations

import numpy as np

from rotoscope.models.rendered_hands import Body, Scene

DARK, TAN, LIGHT = (141, 92, 66), (198, 142, 108), (236, 193, 170)

DEVELOPMENT: tuple[Scene, ...] = (
    Scene("front", yaw_deg=10, seed=1),
    Scene(
        "front_both",
        yaw_deg=-15,
        sides=("right", "left"),
        center_m=(-0.13, 0.0, 0.6),
        grip="fist",
        body=Body(gender=0.95, height=0.38),
        seed=2,
        skin_rgb=LIGHT,
    ),
    Scene(
        "top_down",
        yaw_deg=180,
        roll_deg=-15,
        sides=("left",),
        body=Body(gender=0.0, height=0.55),
        seed=3,
    ),
    Scene(
        "oblique",
        yaw_deg=50,
        pitch_deg=-20,
        textured=False,
        seed=4,
        body=Body(gender=0.95, height=0.38),
    ),
    Scene("side", yaw_deg=105, roll_deg=20, seed=5, skin_rgb=DARK),
    Scene(
        "egocentric",
        yaw_deg=195,
        pitch_deg=-45,
        sides=("right", "left"),
        center_m=(0.12, 0.06, 0.5),
        seed=6,
    ),
    Scene(
        "fast_fist",
        yaw_deg=140,
        pitch_deg=15,
        grip="fist",
        speed=2.0,
        seed=7,
        body=Body(gender=0.0, height=0.55),
        center_m=(0.0, 0.0, 0.6),
    ),
    Scene(
        "near",
        yaw_deg=-30,
        pitch_deg=20,
        center_m=(0.0, 0.02, 0.36),
        focal_px=500.0,
        seed=8,
        skin_rgb=DARK,
        sides=("left",),
    ),
)
"""Scenes on which the constants of the lift were chosen; no figure is reported on them."""

HELD_OUT: tuple[Scene, ...] = (
    Scene(
        "webcam",
        yaw_deg=-25,
        pitch_deg=-10,
        roll_deg=15,
        center_m=(-0.05, 0.0, 0.5),
        body=Body(gender=0.7, height=0.45),
        focal_px=457.0,
        skin_rgb=TAN,
        seed=101,
    ),
    Scene(
        "table_grasp",
        yaw_deg=165,
        pitch_deg=25,
        roll_deg=10,
        grip="fist",
        body=Body(gender=0.2, height=0.5, muscle=0.8),
        focal_px=560.0,
        seed=102,
    ),
    Scene(
        "table_both",
        yaw_deg=188,
        pitch_deg=-15,
        sides=("right", "left"),
        center_m=(0.14, 0.02, 0.55),
        body=Body(gender=1.0, height=0.5),
        focal_px=500.0,
        skin_rgb=LIGHT,
        seed=103,
    ),
    Scene(
        "thumb_side",
        yaw_deg=75,
        pitch_deg=-25,
        textured=False,
        body=Body(gender=0.4, height=0.42, weight=0.7),
        seed=104,
    ),
    Scene(
        "little_side",
        yaw_deg=-80,
        pitch_deg=10,
        sides=("left",),
        body=Body(gender=0.1, height=0.48),
        skin_rgb=DARK,
        seed=105,
    ),
    Scene(
        "egocentric_steep",
        yaw_deg=168,
        pitch_deg=-60,
        center_m=(0.04, 0.05, 0.43),
        speed=1.5,
        focal_px=420.0,
        body=Body(gender=0.6, height=0.5, age=0.9),
        seed=106,
    ),
    Scene(
        "far_small",
        yaw_deg=30,
        pitch_deg=15,
        grip="fist",
        center_m=(0.05, 0.0, 0.85),
        focal_px=700.0,
        body=Body(gender=0.9, height=0.3),
        skin_rgb=TAN,
        seed=107,
    ),
    Scene(
        "fast",
        yaw_deg=130,
        roll_deg=-30,
        speed=2.5,
        closing_period_s=1.0,
        sides=("left",),
        focal_px=480.0,
        body=Body(gender=0.0, height=0.45),
        seed=108,
    ),
)
"""Other views, sizes, skins, cameras and seeds: what the figures are measured on."""


def _end_on(seed: int, num: int) -> tuple[Scene, ...]:
    """Hands whose fingers point to the camera or away from it: landmarks are drawn together."""
    r = np.random.default_rng(seed)
    # The order in which numbers are drawn is part of the scenes: constants were chosen on them.
    return tuple(
        Scene(
            f"end_on_{seed}_{i}",
            yaw_deg=180 + r.uniform(-50, 50) if i % 4 < 3 else r.uniform(-40, 40),
            pitch_deg=r.uniform(45, 80) if i % 2 else r.uniform(-80, -50),
            roll_deg=r.uniform(-40, 40),
            sides=("right",) if i % 3 else ("left",),
            center_m=(r.uniform(-0.08, 0.08), 0.02, r.uniform(0.4, 0.8)),
            grip="fist" if i % 2 or i % 5 == 0 else "pinch",
            speed=r.uniform(1, 2),
            body=Body(gender=r.uniform(0, 1), height=r.uniform(0.35, 0.55)),
            focal_px=r.uniform(430, 650),
            skin_rgb=(DARK, TAN, LIGHT)[i % 3],
            seed=900 + i + 10 * (seed - 77),
            num_frames=72,
        )
        for i in range(num)
    )


END_ON = _end_on(77, 9)
"""Scenes to choose on what tells of landmarks that are drawn together; nothing was, so far."""
END_ON_HELD_OUT = _end_on(78, 8)
"""Others of the kind."""
