"""Distances of hands that things hide in part, with and without `lift.check_hidden`.

Films of the benchmark `exchange_rate` (one start of each of its four people and a second one; true
camera, palms as a ruler measures them) and of `_rendered_scenes`; slabs, bars and boxes are pasted
before hands of push and drawer-open. These two tasks, the pasted things and `DEVELOPMENT` chose the
constants; handle-pull-side, peg-insert-side, sweep-into and `HELD_OUT` chose none, but three of
`apparent_scale` (`STEP_S`, `SCALE_FLOOR`, `TURN_SHARE`) were set after all had been looked at.
Distances are counted from what push says of each person: nothing is hidden there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from benchmarks._exchange_film import RATE_HZ, film, hand_of
from benchmarks._exchange_people import PEOPLE, Person, act
from benchmarks._occluders import KINDS, hidden
from benchmarks._rendered_lift import hands_of
from benchmarks._rendered_scenes import DEVELOPMENT, HELD_OUT
from benchmarks.figure import Bar, Figure
from rotoscope.models.hands.lift_stage import Lift, LiftConfig
from rotoscope.models.hands.stage import HandsConfig
from rotoscope.models.rendered_hands import rendered_clip
from rotoscope.models.simulators.record import write_video
from rotoscope.pipeline.geometry import hand_frame, pinhole, se3
from rotoscope.pipeline.tracks import Camera, HandTrack, Side
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

CHOSE, REPORT = ("push", "drawer-open"), ("handle-pull-side", "peg-insert-side", "sweep-into")
STARTS = 2
_FIRST_SEED = 10_000
_INSIDE = Bar(">=", 0.95)


@dataclass(frozen=True, eq=False)
class _Film:
    name: str
    path: Path
    side: Side
    K: Float[np.ndarray, "3 3"]
    palm_m: float
    joints_m: Float[np.ndarray, "time 21 3"]


@dataclass(frozen=True, eq=False)
class _Errors:
    off_m: Float[np.ndarray, "row 3"]
    is_inside: Bool[np.ndarray, "row 3"]
    is_turn_inside: Bool[np.ndarray, " row"]
    rel_depth: Float[np.ndarray, " row"]


def run() -> list[Figure]:
    """Kinds that chose and kinds that did not; a quarter of an hour of CPU."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        seen = {kind: [_both_ways(one) for one in films] for kind, films in _kinds(folder)}
    bias = _bias_by_person([one for kind in seen.values() for one in kind])
    return [figure for kind, of in seen.items() for figure in _figures(kind, of, bias)]


_Seen = tuple[str, _Errors, _Errors]


def _kinds(folder: Path) -> Iterator[tuple[str, list[_Film]]]:
    for kind in CHOSE + REPORT:
        films = [_acted(kind, who, start, folder) for who in range(4) for start in range(STARTS)]
        yield kind, films
        if kind in CHOSE:
            for thing in KINDS:
                yield f"{kind}.{thing}", [_before(thing, one, folder) for one in films]
    for kind, scenes in (("development", DEVELOPMENT), ("held_out", HELD_OUT)):
        yield kind, [_rendered(scene) for scene in scenes if len(scene.sides) == 1]


def _acted(task: str, who: int, start: int, folder: Path) -> _Film:
    person, seed = PEOPLE[who], _FIRST_SEED + 1000 * who + 100 * start
    while True:
        acted = act(f"{task}-v3", seed, np.random.default_rng([person.seed, seed]))
        if acted.is_solved:
            break
        seed += 1
    name = f"{task}-v3-{person.name}-{start}"
    film(f"{task}-v3", seed, acted, person, folder / f"{name}.mp4")
    joints = [
        _joints_m(person, tip_m, float(aperture_m))
        for tip_m, aperture_m in zip(acted.tip_m, acted.aperture_m, strict=True)
    ]
    palm_m = hand_of(person).palm_length_m
    return _Film(name, folder / f"{name}.mp4", "right", person.K, palm_m, np.array(joints))


def _joints_m(person: Person, tip_m: np.ndarray, aperture_m: float) -> np.ndarray:
    T, landmarks = hand_of(person).placed(tip_m, aperture_m)
    return se3.apply(se3.inverse(person.T_world_camera), se3.apply(T, landmarks))


def _before(thing: str, one: _Film, folder: Path) -> _Film:
    path = folder / f"{one.name}.{thing}.mp4"
    pictures: list[UInt8[np.ndarray, "height width 3"]] = [
        frame.rgb.copy() for frame in read_frames(probe(one.path))
    ]
    pasted = hidden(pictures, pinhole.project(one.joints_m, one.K), thing, one.name)  # type: ignore[arg-type]
    write_video(path, pasted, fps=RATE_HZ)
    return _Film(one.name, path, one.side, one.K, one.palm_m, one.joints_m)


def _rendered(scene: object) -> _Film:
    clip = rendered_clip(scene)  # type: ignore[arg-type]
    (side, truth), *_ = clip.hands.items()
    return _Film(
        clip.scene.name, clip.path, side, clip.scene.K, truth.palm_length_m, truth.joints_m
    )


def _both_ways(one: _Film) -> _Seen:
    """Errors without and with the check."""
    clip, hands = hands_of(one.path, HandsConfig(num_hands=1))
    camera = Camera(one.K, clip.video.width, clip.video.height, "recipe", 0.01)
    found = []
    for is_checked in (False, True):
        stage = Lift(LiftConfig(palm_length_m=one.palm_m, check_hidden=is_checked))
        stage.setup()
        hand = stage.run(clip, {**hands, "camera": camera})[f"hands.{one.side}"]
        assert isinstance(hand, HandTrack)
        found.append(_errors(one, hand))
    return one.name, found[0], found[1]


def _errors(one: _Film, hand: HandTrack) -> _Errors:
    assert hand.T_camera_wrist is not None
    assert hand.sigma_position_m is not None
    assert hand.sigma_rotation_rad is not None
    rows = np.flatnonzero(hand.valid)
    true_m = one.joints_m[rows, hand_frame.WRIST]
    T_true = hand_frame.wrist_pose(one.joints_m[rows], one.side)
    off_rad = se3.angle_between(T_true[:, :3, :3], hand.T_camera_wrist[rows, :3, :3])
    is_turn_inside = off_rad <= 2.0 * hand.sigma_rotation_rad[rows]
    off_m = hand.T_camera_wrist[rows, :3, 3] - true_m
    is_inside = np.abs(off_m) <= 2.0 * hand.sigma_position_m[rows]
    return _Errors(off_m, is_inside, is_turn_inside, np.log1p(off_m[:, 2] / true_m[:, 2]))


def _bias_by_person(seen: Sequence[_Seen]) -> dict[str, float]:
    """What push says of each person, by name."""
    out = {}
    for person in PEOPLE:
        told = [off.rel_depth for name, off, _ in seen if name.startswith(f"push-v3-{person.name}")]
        out[person.name] = float(np.median(np.concatenate(told[:STARTS])))
    return out


def _figures(kind: str, seen: Sequence[_Seen], bias: dict[str, float]) -> list[Figure]:
    out = []
    for column, way in ((1, "landmarks"), (2, "checked")):
        found = [one[column] for one in seen]
        off_mm = 1e3 * np.linalg.norm(np.concatenate([e.off_m for e in found]), axis=1)  # type: ignore[union-attr]
        inside = np.concatenate([e.is_inside for e in found]).mean(axis=0)  # type: ignore[union-attr]
        turned = np.concatenate([e.is_turn_inside for e in found])  # type: ignore[union-attr]
        rel = [
            e.rel_depth - next((b for who, b in bias.items() if f"-{who}-" in one[0]), 0.0)  # type: ignore[union-attr]
            for one, e in zip(seen, found, strict=True)
        ]
        name = f"hidden_palms.{kind}.{way}"
        out += [
            Figure(f"{name}.rows", len(off_mm), "1"),
            Figure(f"{name}.position", float(np.median(off_mm)), "mm"),
            Figure(f"{name}.position_p90", float(np.quantile(off_mm, 0.9)), "mm"),
            Figure(f"{name}.depth_rms", float(np.sqrt(np.mean(np.concatenate(rel) ** 2))), "1"),
            Figure(f"{name}.depth_inside", float(inside[2]), "1",
                   _INSIDE if way == "checked" else None),
            Figure(f"{name}.across_inside", float(inside[:2].min()), "1"),
            Figure(f"{name}.rotation_inside", float(turned.mean()), "1"),
        ]  # fmt: skip
    return out
