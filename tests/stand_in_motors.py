"""LeRobot's own robots on a bus that is not there: it keeps the counts that it is sent."""

import sys
import types
from typing import Any

import numpy as np


def standing_in(bus_class: type) -> type:
    """A subclass of one of LeRobot's serial buses that needs neither port nor its maker's SDK."""
    from lerobot.motors.motors_bus import MotorsBusBase

    class StandIn(bus_class):  # type: ignore[misc,valid-type]
        _has_different_ctrl_tables = False  # found out by a package that may be missing

        def __init__(self, port: str, motors: Any, calibration: Any = None, **_: Any) -> None:
            MotorsBusBase.__init__(self, port, motors, calibration)
            self._id_to_model_dict = {m.id: m.model for m in motors.values()}
            self._id_to_name_dict = {m.id: name for name, m in motors.items()}
            self.sent: list[dict[str, int]] = []
            self._is_open = False

        @property
        def is_connected(self) -> bool:
            return self._is_open

        @property
        def is_calibrated(self) -> bool:
            return True

        def connect(self, handshake: bool = True) -> None:
            self._is_open = True

        def disconnect(self, disable_torque: bool = True) -> None:
            self._is_open = False

        def configure_motors(self, *_: Any, **__: Any) -> None:
            pass

        def enable_torque(self, *_: Any, **__: Any) -> None:
            pass

        def disable_torque(self, *_: Any, **__: Any) -> None:
            pass

        def write(self, *_: Any, **__: Any) -> None:
            pass

        def sync_read(self, data_name: str, *_: Any, **__: Any) -> dict[str, float]:
            assert data_name == "Present_Position"
            return dict.fromkeys(self.motors, 0.0)

        def _sync_write(
            self, addr: int, length: int, ids_values: dict[int, int], **_: Any
        ) -> int:
            self.sent.append({self._id_to_name(i): count for i, count in ids_values.items()})
            return 0

        def counts(self) -> np.ndarray:
            """What was sent, in the order of the motors."""
            return np.array([[row[name] for name in self.motors] for row in self.sent])

    return StandIn


def standing_in_for_damiao() -> type:
    """The bus of OpenArm's motors: keeps the degrees, and the 16 bits that they are sent as."""
    from lerobot.motors.damiao import DamiaoMotorsBus
    from lerobot.motors.motors_bus import MotorsBusBase

    class StandIn(DamiaoMotorsBus):  # type: ignore[misc]
        def __init__(self, port: str, motors: Any, calibration: Any = None, **_: Any) -> None:
            MotorsBusBase.__init__(self, port, motors, calibration)
            self.sent: list[dict[str, float]] = []
            self._is_open = False

        @property
        def is_connected(self) -> bool:
            return self._is_open

        @property
        def is_calibrated(self) -> bool:
            return True

        def connect(self, handshake: bool = True) -> None:
            self._is_open = True

        def disconnect(self, disable_torque: bool = True) -> None:
            self._is_open = False

        def configure_motors(self) -> None:
            pass

        def enable_torque(self, *_: Any, **__: Any) -> None:
            pass

        def disable_torque(self, *_: Any, **__: Any) -> None:
            pass

        def sync_read_all_states(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {name: {"position": 0.0} for name in self.motors}

        def _mit_control_batch(self, commands: dict[str, tuple[float, ...]]) -> None:
            self.sent.append({name: float(command[2]) for name, command in commands.items()})

        def degrees(self) -> np.ndarray:
            """What was sent [deg], in the order of the motors."""
            return np.array([[row[name] for name in self.motors] for row in self.sent])

    return StandIn


class StandInReachy:
    """Reachy 2's SDK: joints that keep their goals, and a base that keeps its speeds."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.sent: list[dict[str, float]] = []
        self.speeds: list[tuple[float, ...]] = []
        self.joints: dict[str, Any] = _Joints()
        self.mobile_base = types.SimpleNamespace(
            odometry={"vx": 0.0, "vy": 0.0, "vtheta": 0.0},
            set_goal_speed=lambda *v: self.speeds.append(v),
            send_speed_command=lambda: None,
        )

    def is_connected(self) -> bool:
        return True

    def send_goal_positions(self) -> None:
        self.sent.append({name: joint.goal_position for name, joint in self.joints.items()})

    def turn_on(self) -> None:
        pass

    def reset_default_limits(self) -> None:
        pass

    def disconnect(self) -> None:
        pass


class _Joints(dict):  # type: ignore[type-arg]
    def __missing__(self, name: str) -> Any:
        self[name] = types.SimpleNamespace(present_position=0.0, goal_position=0.0)
        return self[name]


def stand_in_modules() -> dict[str, types.ModuleType]:
    """Modules under the names of makers' SDKs, empty but for what is asked for on import."""
    found = {}
    for name in ("reachy2_sdk", "unitree_sdk2py"):
        module = types.ModuleType(name)
        module.__spec__ = types.SimpleNamespace(name=name)  # type: ignore[assignment]
        found[name] = module
    found["reachy2_sdk"].ReachySDK = StandInReachy  # type: ignore[attr-defined]
    return {name: module for name, module in found.items() if name not in sys.modules}
