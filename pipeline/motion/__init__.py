"""Motion that is not video: a person's joints out of BVH, AMC, SMPL and keypoint files."""

from rotoscope.pipeline.motion.motion import Motion, Unit, Up
from rotoscope.pipeline.motion.read import MOTION_SUFFIXES, read_motion, side_files

__all__ = ["MOTION_SUFFIXES", "Motion", "Unit", "Up", "read_motion", "side_files"]
