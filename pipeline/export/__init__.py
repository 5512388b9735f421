"""From labeled episodes to a LeRobot v3 dataset, written by LeRobot's own writer."""
