"""Small BVH files of a person who steps on the spot, for tests."""

from pathlib import Path

import numpy as np

HIPS_CM = 95.0
SKELETON = (
    "Hips",
    (0, 0, 0),
    [
        (
            "Spine",
            (0, 20, 0),
            [
                (
                    "Neck",
                    (0, 30, 0),
                    [("Head", (0, 12, 0), [("", (0, 16, 0), [])])],
                ),
                *(
                    (
                        f"{side}Arm",
                        (sign * 18, 26, 0),
                        [
                            (
                                f"{side}ForeArm",
                                (sign * 28, 0, 0),
                                [(f"{side}Hand", (sign * 25, 0, 0), [("", (sign * 9, 0, 0), [])])],
                            )
                        ],
                    )
                    for side, sign in (("Left", 1), ("Right", -1))
                ),
            ],
        ),
        *(
            (
                f"{side}UpLeg",
                (sign * 9, -3, 0),
                [
                    (
                        f"{side}Leg",
                        (0, -42, 0),
                        [
                            (
                                f"{side}Foot",
                                (0, -42, 0),
                                [(f"{side}ToeBase", (0, -6, 13), [("", (0, 0, 6), [])])],
                            )
                        ],
                    )
                ],
            )
            for side, sign in (("Left", 1), ("Right", -1))
        ),
    ],
)
"""Name, offset from its parent [cm, y up, looking along z] and children of each joint."""


def write_bvh(path: Path, *, frames: int = 90, fps: float = 60.0, step_hz: float = 1.0) -> Path:
    """A person of 1.75 m who lifts one knee after the other; the whole leg bends in step."""
    lines, joints = _hierarchy()
    time_s = np.arange(frames) / fps
    rows = np.zeros((frames, len(joints) + 1, 3))
    rows[:, 0] = (0.0, HIPS_CM, 0.0)
    for side, phase in (("Left", 0.0), ("Right", np.pi)):
        bend_deg = 40.0 * np.maximum(np.sin(2 * np.pi * step_hz * time_s + phase), 0.0)
        # Channels are z, x, y rotations: the second turns about the axis through both hips.
        rows[:, 1 + joints.index(f"{side}UpLeg"), 1] = -bend_deg
        rows[:, 1 + joints.index(f"{side}Leg"), 1] = 2 * bend_deg
        rows[:, 1 + joints.index(f"{side}Foot"), 1] = -bend_deg
    numbers = [" ".join(f"{value:.5f}" for value in row.ravel()) for row in rows]
    head = ["MOTION", f"Frames: {frames}", f"Frame Time: {1 / fps:.8f}"]
    path.write_text("\n".join([*lines, *head, *numbers]) + "\n")
    return path


def _hierarchy() -> tuple[list[str], list[str]]:
    lines, joints = ["HIERARCHY"], []

    def add(node, depth):
        name, offset, children = node
        pad = "  " * depth
        kind = f"{'ROOT' if depth == 0 else 'JOINT'} {name}" if name else "End Site"
        lines.extend([pad + kind, pad + "{", f"{pad}  OFFSET {' '.join(map(str, offset))}"])
        if name:
            place = "Xposition Yposition Zposition " if depth == 0 else ""
            count = 6 if depth == 0 else 3
            lines.append(f"{pad}  CHANNELS {count} {place}Zrotation Xrotation Yrotation")
            joints.append(name)
        for child in children:
            add(child, depth + 1)
        lines.append(pad + "}")

    add(SKELETON, 0)
    return lines, joints
