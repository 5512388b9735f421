"""What LeRobot imports when it looks for plug-ins."""

from rotoscope.models.simulators import lerobot_env

__all__ = ["lerobot_env"]
