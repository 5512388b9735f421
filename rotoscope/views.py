"""Hands, bodies and points from several cameras of one scene; `rotoscope triangulate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, cast

import numpy as np

from rotoscope import api
from rotoscope.models.perception.multi_view import View
from rotoscope.models.points.result import small_size
from rotoscope.models.views.calibration import CalibratedCamera, read_calibration, views_for
from rotoscope.models.views.clock import clock_offsets
from rotoscope.models.views.landmark_bias import bias_px
from rotoscope.models.views.place import Placed, place
from rotoscope.models.views.points import place_points
from rotoscope.models.views.relative_pose import views_of_subjects
from rotoscope.models.views.seen import OTHER_SIDE, Seen, landmarks_of
from rotoscope.models.views.write import write_bodies, write_hands, write_points
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import (
    BODY_JOINTS,
    Camera,
    ClockTrack,
    Side,
)
from rotoscope.pipeline.video.probe import probe

What = Literal["hands", "body", "points"]
PALM = (hand_frame.WRIST, hand_frame.MIDDLE_MCP)
PALM_M = 0.089
"""Mean length of an adult's palm: the scale of uncalibrated views, good to 7 %."""
TRUNK = (BODY_JOINTS.index("pelvis"), BODY_JOINTS.index("neck"))
TRUNK_M = 0.50
"""Mean distance from the middle of the hips to that of the shoulders, good to 8 %."""
_LOOKED_AT_PX = 640
"""Longer side of the pictures that points are looked for in, as the stage `points` has it."""
SIGMA_SCALE_REL = {"hands": 0.07, "body": 0.08}
SIGMA_REL = {"hands": 0.04, "body": 0.06}
"""What landmarks of different views have in common, as a share of the palm or the trunk; for hands,
after `landmark_bias` was taken off, on the scenes `DEVELOPMENT` of `benchmarks.two_view`."""


@dataclass(frozen=True, eq=False)
class Triangulated:
    """What came of several views."""

    subjects: dict[str, Placed]
    """Landmarks by hand (`left`, `right`) or person (`person0`); or `points` of the scene."""
    views: tuple[View, ...]
    """The cameras, in the order of the videos."""
    offsets_s: tuple[float, ...]
    """Time of each video's clock when the first one's shows 0 [s]."""
    away_px: float
    """Median distance of landmarks from where they are put [px]."""
    written: tuple[Path, ...]
    """Files beside the first video."""


@dataclass(frozen=True, eq=False)
class _Video:
    path: Path
    camera: Camera
    subjects: dict[str, Seen]


def triangulate(
    videos: Sequence[str | Path],
    *,
    calibration: str | Path | None = None,
    what: What = "hands",
    offsets_s: Sequence[float] | None = None,
    within_s: float = 1.0,
    palm_length_m: float | None = None,
    overrides: Sequence[str] = (),
    workers: int = 1,
    store: str | Path | None = None,
    work: str | Path,
) -> Triangulated:
    """Places hands, people or points of two videos or more of one scene, and writes a file.

    `NAME.hands.npz` beside the first video is what the recipe `hand-gripper-file` reads in the
    place of `hands` and `lift`; for bodies `NAME.body.npz` with `motion.yaml` is a motion file for
    the recipe `motion-humanoid`. `NAME.points.npz` holds points of two calibrated views: `points_m`
    (frame, point, 3) and `sigma_m` in the calibration's world, NaN where unknown, and `time_s`.

    Args:
        videos: The views; the first one's clock and frame are the result's.
        calibration: TOML of Pose2Sim or anipose, one table per video in the same order, or with the
            videos' names. Without it the cameras' poses are estimated from the hands or people
            themselves, and the scale from their mean size.
        what: What is placed.
        offsets_s: Time of each video's clock when the first one's shows 0 [s]; found by motion
            where not given.
        within_s: Largest offset that is searched [s].
        palm_length_m: Wrist to middle knuckle [m]: scale of views without a calibration.
        overrides: Settings of the stages that look, such as `camera.fx=812`.
        workers: Videos looked at at the same time.
        store: Where intermediate results are kept.
        work: Folder for the run's own records.

    Raises:
        UsageError: Fewer than two videos; a video failed or shows no hand or person; or the views
            do not show one scene.
    """
    paths = [Path(video) for video in videos]
    if len(paths) < 2 or len({path.resolve() for path in paths}) < len(paths):
        raise UsageError(f"several views need two different videos or more, got {len(paths)}")
    given = None if calibration is None else read_calibration(Path(calibration))
    if what == "points" and offsets_s is not None:
        return _points(paths, given, offsets_s)
    seen = _look(paths, what, overrides, workers=workers, store=store, work=Path(work))
    common = sorted(set.intersection(*(set(video.subjects) for video in seen)))
    if not common:
        shown = "; ".join(f"{v.path.name}: {', '.join(v.subjects) or 'none'}" for v in seen)
        hint = "; points need --offsets then" if what == "points" else ""
        raise UsageError(f"no hand or person is seen in all views ({shown}){hint}")
    bone, bone_m = (TRUNK, TRUNK_M) if what == "body" else (PALM, palm_length_m or PALM_M)
    views, offsets = _cameras(seen, common, given, offsets_s, within_s, bone, bone_m)
    if what == "points":
        return _points(paths, given, offsets)
    placed = {
        name: place(
            views,
            [video.subjects[name] for video in seen],
            offsets,
            sigma_rel=SIGMA_REL[what],
            size_m=bone_m,
            bias_px=partial(bias_px, side=cast(Side, name)) if what == "hands" else None,
            exchanged=OTHER_SIDE if what == "body" else None,
        )
        for name in common
    }
    scale_rel = 0.0
    if given is None:
        # Poses that were estimated lean on the focal lengths: 30 % off put hands 20 cm off.
        focal_rel = max(video.camera.sigma_focal_rel for video in seen)
        scale_rel = float(
            np.hypot(SIGMA_SCALE_REL[what] if palm_length_m is None else 0, focal_rel)
        )
    written = (
        write_hands(paths[0], seen[0].camera, views[0], placed, scale_rel=scale_rel, palm_m=PALM_M)
        if what == "hands"
        else write_bodies(paths[0], placed)
    )
    away = np.concatenate([one.away_px[one.is_shared] for one in placed.values()])
    median_px = float(np.nanmedian(away)) if len(away) else np.nan
    return Triangulated(placed, tuple(views), tuple(offsets), median_px, written)


def _points(
    paths: list[Path], given: list[CalibratedCamera] | None, offsets_s: Sequence[float]
) -> Triangulated:
    """Points of two calibrated views whose clocks are known."""
    if given is None or len(paths) != 2 or len(offsets_s) != 2:
        raise UsageError(
            f"points are placed from two videos with --calibration and an offset for each, got "
            f"{len(paths)} videos, {len(offsets_s)} offsets and "
            f"{'no' if given is None else 'a'} calibration"
        )
    videos = [probe(path) for path in paths]
    sizes = [small_size(video, _LOOKED_AT_PX)[0] for video in videos]
    views = views_for(paths, sizes, given)
    placed = place_points(views, videos, offsets_s[1] - offsets_s[0], sizes)
    written = write_points(paths[0], placed)
    away_px = float(np.nanmedian(placed.away_px))
    offsets = (0.0, offsets_s[1] - offsets_s[0])
    return Triangulated({"points": placed}, tuple(views), offsets, away_px, written)


def _look(
    paths: list[Path],
    what: What,
    overrides: Sequence[str],
    *,
    workers: int,
    store: str | Path | None,
    work: Path,
) -> list[_Video]:
    """The 2-D landmarks of each video, by the stages that every recipe has."""
    recipe, until = ("body-humanoid" if what == "body" else "hand-gripper"), "camera"
    run = api.label(
        [str(path) for path in paths],
        out=work,
        recipe=recipe,
        overrides=overrides,
        until=until,
        workers=workers,
        store=store,
    )
    names = {row.name: row for row in run.rows}
    out = []
    for path in paths:
        row = next((r for name, r in names.items() if Path(name).name == path.name), None)
        if row is None or row.status == "failed":
            why = "it is not there" if row is None else row.message
            raise UsageError(f"{path.name} could not be looked at: {why}")
        stages = run.tracks(row.name)
        tracks: Tracks = {name: track for made in stages.values() for name, track in made.items()}
        clock, camera = tracks["clock"], tracks["camera"]
        assert isinstance(clock, ClockTrack)
        assert isinstance(camera, Camera)
        subjects = {
            name: Seen(clock.time_s, px)
            for name, px in map(landmarks_of, tracks.values())
            if np.isfinite(px).any()
        }
        out.append(_Video(path, camera, subjects))
    return out


def _cameras(
    seen: list[_Video],
    common: list[str],
    given: list[CalibratedCamera] | None,
    offsets_s: Sequence[float] | None,
    within_s: float,
    bone: tuple[int, int],
    bone_m: float,
) -> tuple[list[View], list[float]]:
    if offsets_s is not None and len(offsets_s) != len(seen):
        raise UsageError(
            f"{len(offsets_s)} offsets are given for {len(seen)} videos; give one each, the "
            "first one's being 0"
        )
    subjects = [[video.subjects[name] for name in common] for video in seen]
    stated = None if offsets_s is None else [offset - offsets_s[0] for offset in offsets_s]
    search_s = 0.0 if stated is not None else within_s
    if given is not None:
        cameras = [video.camera for video in seen]
        sizes = [(camera.width, camera.height) for camera in cameras]
        views = views_for([video.path for video in seen], sizes, given)
        return views, clock_offsets(views, subjects, within_s=search_s, start_s=stated)
    return views_of_subjects(
        [video.camera.K for video in seen],
        subjects,
        offsets_s=stated,
        within_s=search_s,
        bone=bone,
        bone_m=bone_m,
    )
