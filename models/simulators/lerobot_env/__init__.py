"""Lets `lerobot-train` and `lerobot-eval` find our simulators as `--env.type=rotoscope`.

Name this package with `--env.discover_packages_path=rotoscope.models.simulators.lerobot_env`, or
install the small distribution beside it once, with
`pip install models/simulators/lerobot_env/distribution`: LeRobot looks for installed
distributions whose names begin with `lerobot_env_` and imports them.
"""

from rotoscope.models.simulators.lerobot_env.config import register

register()
