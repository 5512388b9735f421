"""LeRobot v3 datasets, read and checked."""
