"""LeRobot's own robots on a bus that is not there: it keeps the counts that it is sent."""

import sys
import types
from typing import Any

import numpy as np


class _NoPort:
    """What both kinds of buses do without a port: they are there, calibrated, and do as told."""

    _is_open = False
    is_calibrated = True

    @property
    def is_connected(self) -> bool:
        return self._is_open

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


def standing_in(bus_class: type) -> type:
    """A subclass of one of LeRobot's serial buses that needs neither port nor its maker's SDK."""
    from lerobot.motors.motors_bus import MotorsBusBase

    class StandIn(_NoPort, bus_class):  # type: ignore[misc,valid-type]
        _has_different_ctrl_tables = False  # found out by a package that may be missing

        def __init__(self, port: str, motors: Any, calibration: Any = None, **_: Any) -> None:
            MotorsBusBase.__init__(self, port, motors, calibration)
            self._id_to_model_dict = {m.id: m.model for m in motors.values()}
            self._id_to_name_dict = {m.id: name for name, m in motors.items()}
            self.sent: list[dict[str, int]] = []
            self._is_open = False

        def write(self, *_: Any, **__: Any) -> None:
            pass

        def sync_read(self, data_name: str, *_: Any, **__: Any) -> dict[str, float]:
            assert data_name == "Present_Position"
            return dict.fromkeys(self.motors, 0.0)

        def _sync_write(self, addr: int, length: int, ids_values: dict[int, int], **_: Any) -> int:
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

    class StandIn(_NoPort, DamiaoMotorsBus):  # type: ignore[misc]
        def __init__(self, port: str, motors: Any, calibration: Any = None, **_: Any) -> None:
            MotorsBusBase.__init__(self, port, motors, calibration)
            self.sent: list[dict[str, float]] = []
            self._is_open = False

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


G1_SENT: list[list[float]] = []
"""Angles of each message to the stand-in G1, in the order of its motors."""


class _Channel:
    def __init__(self, *_: Any) -> None:
        pass

    def init(self) -> None:
        pass

    def write(self, message: Any) -> None:
        G1_SENT.append([float(motor.q) for motor in message.motor_cmd])

    def read(self) -> Any:
        motors = [
            types.SimpleNamespace(q=0.0, dq=0.0, tau_est=0.0, temperature=20.0) for _ in range(29)
        ]
        imu = types.SimpleNamespace(
            quaternion=[1, 0, 0, 0], gyroscope=[0] * 3, accelerometer=[0] * 3, rpy=[0] * 3,
            temperature=20.0,
        )  # fmt: skip
        return types.SimpleNamespace(
            motor_state=motors, imu_state=imu, wireless_remote=b"", mode_machine=0
        )


for _name in ("init", "write", "read"):
    setattr(_Channel, _name.capitalize(), getattr(_Channel, _name))


def stand_in_g1(monkeypatch: Any, module: Any) -> None:
    """Gives LeRobot's class of the G1 channels that keep what they are sent, for its own SDK."""
    G1_SENT.clear()
    socket = types.ModuleType("unitree_sdk2_socket")
    socket.ChannelFactoryInitialize = lambda *_, **__: None  # type: ignore[attr-defined]
    socket.ChannelPublisher = socket.ChannelSubscriber = _Channel  # type: ignore[attr-defined]
    name = "lerobot.robots.unitree_g1.unitree_sdk2_socket"
    monkeypatch.setitem(sys.modules, name, socket)

    def message() -> Any:
        motors = [types.SimpleNamespace(q=0.0, kp=0.0, kd=0.0, tau=0.0, mode=0) for _ in range(29)]
        return types.SimpleNamespace(motor_cmd=motors, mode_pr=0, mode_machine=0, crc=0)

    monkeypatch.setattr(module, "require_package", lambda *a, **k: None)
    monkeypatch.setattr(module, "unitree_hg_msg_dds__LowCmd_", message)
    monkeypatch.setattr(module, "CRC", lambda: types.SimpleNamespace(Crc=lambda message: 0))
