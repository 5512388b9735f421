"""What this package tells the pipeline about robots."""

from rotoscope.pipeline.robots import Robots
from rotoscope.retarget.portraits import open_portraitist, robot_kind
from rotoscope.retarget.portraits_hand import hand_lines
from rotoscope.retarget.portraits_humanoid import humanoid_joints
from rotoscope.retarget.robot_list import robot_assets

ROBOTS = Robots(
    assets=robot_assets,
    kind=robot_kind,
    open_portraitist=open_portraitist,
    humanoid_joints=humanoid_joints,
    hand_lines=hand_lines,
)
