"""Robots and kinematics: what a gripper, an arm or a body must do to do as the person did."""
