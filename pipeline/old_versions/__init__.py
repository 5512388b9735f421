"""LeRobot datasets of versions 2.0 and 2.1, brought to v3 by LeRobot's own converter."""
