"""Which of the things the user's mesh is of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rotoscope.models.object_pose.mesh import FITS, MOST_PAST, check_size, placed, read_mesh
from rotoscope.models.object_pose.second_look import SecondLook
from rotoscope.pipeline.errors import UnreasonableVideoError


def on_mesh(path: Path, meters_per_unit: float, things: Mapping[int, SecondLook]) -> None:
    """Takes the mesh for the model of the thing that it fits best; the others stay as they are.

    Raises:
        UnreasonableVideoError: It fits none of them, by its size or its shape.
    """
    tried = []
    for number, one in things.items():
        mesh = read_mesh(path, meters_per_unit, one.follower.voxel_m)
        try:
            check_size(path, mesh, one.model)
        except UnreasonableVideoError:
            if len(things) == 1:
                raise
            continue
        where = placed(mesh, one.model, one.follower.keys, one.follower.lens)
        tried.append((where.share - where.past, number, mesh, where))
    if not tried:
        raise UnreasonableVideoError(
            f"{path.name} is much larger or smaller than any of the {len(things)} things that are "
            "seen: it is the mesh of another thing, or in another unit "
            "(object_pose.mesh_meters_per_unit)"
        )
    _, number, mesh, where = max(tried, key=lambda one: one[0])
    if where.share < FITS or where.past > MOST_PAST:
        raise UnreasonableVideoError(
            f"{path.name} is the mesh of another thing: {100 * where.share:.0f} % of what is seen "
            f"of object {number} lies on it ({100 * FITS:.0f} % are wanted), and "
            f"{100 * where.past:.0f} % of it was seen past (up to {100 * MOST_PAST:.0f} %); remove "
            "it, or give that of the thing that the hand takes"
        )
    things[number].onto(mesh, where)
