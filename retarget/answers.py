"""What this package tells the pipeline about robots."""

from rotoscope.pipeline.robots import Robots
from rotoscope.retarget.physics.play import open_player
from rotoscope.retarget.rendering.hand_views import hand_lines
from rotoscope.retarget.rendering.humanoid_views import humanoid_joints
from rotoscope.retarget.rendering.open import open_renderer, robot_kind
from rotoscope.retarget.rendering.window import show
from rotoscope.retarget.robots.commanded import robot_joints
from rotoscope.retarget.robots.shipped import robot_assets

ROBOTS = Robots(
    assets=robot_assets,
    kind=robot_kind,
    open_renderer=open_renderer,
    humanoid_joints=humanoid_joints,
    hand_lines=hand_lines,
    joints=robot_joints,
    open_player=open_player,
    show=show,
)
