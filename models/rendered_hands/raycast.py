"""Images of shaded triangle meshes seen by a pinhole camera, by Open3D's ray caster."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.geometry.vectors import unit_or_zero

SAMPLES_PER_PIXEL_SIDE = 2
"""Rays along each side of a pixel; their mean smooths the silhouette."""
LAMP = (-0.45, -0.75, -0.5)
"""Where the lamp is, seen from what it lights, camera axes: at the upper left."""
_AMBIENT, _DIFFUSE, _HEADLIGHT = 0.34, 0.46, 0.26
_SHADOW_BIAS_M = 5e-4


def draw(
    background: UInt8[np.ndarray, "height width 3"],
    *,
    K: Float[np.ndarray, "3 3"],
    vertices: Float[np.ndarray, "vertex 3"],
    faces: Int[np.ndarray, "face 3"],
    colors: Float[np.ndarray, "vertex 3"],
    lamp: tuple[float, float, float] = LAMP,
    behind_m: Float[np.ndarray, "height width"] | None = None,
    samples_per_side: int = SAMPLES_PER_PIXEL_SIDE,
) -> UInt8[np.ndarray, "height width 3"]:
    """The background with the mesh drawn over it.

    `vertices` are in the camera frame [m], `colors` RGB 0..255 per vertex. Pixel i covers
    [i, i + 1) of the image plane that `K` projects to. Lambert shading by one far `lamp`, which
    throws shadows, a weak light from the camera, and ambient light. What the background shows
    nearer than the mesh stays in front of it where `behind_m` tells how far away that is along the
    camera's axis.
    """
    left, top, right, bottom = _bounds(vertices, K, background.shape)
    image = background.copy()
    if right <= left or bottom <= top:
        return image
    n = samples_per_side
    u = left + (np.arange((right - left) * n) + 0.5) / n
    v = top + (np.arange((bottom - top) * n) + 0.5) / n
    rays = np.zeros((len(v), len(u), 6), np.float32)
    rays[..., 3] = (u[None, :] - K[0, 2]) / K[0, 0]
    rays[..., 4] = (v[:, None] - K[1, 2]) / K[1, 1]
    rays[..., 5] = 1.0
    window = image[top:bottom, left:right]
    samples = np.repeat(np.repeat(window, n, axis=0), n, axis=1).astype(np.float32)
    far_m = np.full(samples.shape[:2], np.inf)
    if behind_m is not None:
        far_m = np.repeat(np.repeat(behind_m[top:bottom, left:right], n, axis=0), n, axis=1)
    _shade(samples, rays, vertices, faces, colors, np.array(lamp) / np.linalg.norm(lamp), far_m)
    window[:] = samples.reshape(bottom - top, n, right - left, n, 3).mean(axis=(1, 3)).round()
    return image


def _bounds(
    vertices: Float[np.ndarray, "vertex 3"], K: Float[np.ndarray, "3 3"], shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    in_front = vertices[vertices[:, 2] > 1e-3]
    if len(in_front) == 0:
        return 0, 0, 0, 0
    pixels = (in_front @ K.T)[:, :2] / in_front[:, 2:]
    if len(in_front) < len(vertices):
        return 0, 0, shape[1], shape[0]
    low = np.clip(np.floor(pixels.min(axis=0)), 0, [shape[1], shape[0]]).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)), 0, [shape[1], shape[0]]).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _shade(
    samples: Float[np.ndarray, "row column 3"],
    rays: Float[np.ndarray, "row column 6"],
    vertices: Float[np.ndarray, "vertex 3"],
    faces: Int[np.ndarray, "face 3"],
    colors: Float[np.ndarray, "vertex 3"],
    lamp: Float[np.ndarray, " 3"],
    far_m: Float[np.ndarray, "row column"],
) -> None:
    """Writes the color of whatever each ray hits nearer than `far_m` into `samples`."""
    scene = _scene(vertices, faces)
    cast = scene.cast_rays(_tensor(rays), nthreads=1)
    depth = cast["t_hit"].numpy()
    # Rays are one long along the axis: what they are hit at is how far away that is.
    hit = np.isfinite(depth) & (depth < far_m)
    corners = faces[cast["primitive_ids"].numpy()[hit]]
    uv = cast["primitive_uvs"].numpy()[hit]
    mix = np.stack([1.0 - uv.sum(axis=1), uv[:, 0], uv[:, 1]], axis=1)[..., None]
    normals = unit_or_zero((_vertex_normals(vertices, faces)[corners] * mix).sum(axis=1))
    albedo = (colors[corners] * mix).sum(axis=1)
    points = rays[hit][:, 3:] * depth[hit][:, None]
    facing = np.clip(-(normals * unit_or_zero(points)).sum(axis=1), 0.0, 1.0)
    towards_lamp = np.clip(normals @ lamp, 0.0, 1.0)
    lit = towards_lamp * ~_in_shadow(scene, points + normals * _SHADOW_BIAS_M, lamp)
    samples[hit] = np.clip(
        albedo * (_AMBIENT + _DIFFUSE * lit + _HEADLIGHT * facing)[:, None], 0, 255
    )


def _in_shadow(
    scene: Any, points: Float[np.ndarray, "point 3"], lamp: Float[np.ndarray, " 3"]
) -> np.ndarray:
    rays = np.concatenate([points, np.broadcast_to(lamp, points.shape)], axis=1)
    occluded: np.ndarray = scene.test_occlusions(_tensor(rays), nthreads=1).numpy()
    return occluded


def _vertex_normals(
    vertices: Float[np.ndarray, "vertex 3"], faces: Int[np.ndarray, "face 3"]
) -> Float[np.ndarray, "vertex 3"]:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    by_area = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, faces[:, k], by_area)
    return unit_or_zero(normals)


def _tensor(values: np.ndarray, dtype: type[np.generic] = np.float32) -> Any:
    import open3d as o3d

    make: Any = o3d.core.Tensor  # its stubs leave the plain form with one array out
    return make(np.ascontiguousarray(values, dtype))


def _scene(vertices: Float[np.ndarray, "vertex 3"], faces: Int[np.ndarray, "face 3"]) -> Any:
    try:
        import open3d as o3d
    except (ImportError, OSError) as error:
        raise AssetError(
            f"rendering hands needs Open3D, which cannot be imported ({error}); it needs the "
            "system library libusb-1.0-0 (`apt-get install libusb-1.0-0`) and the Python package "
            "open3d-cpu (`pip install 'rotoscope[samples]'`)"
        ) from error
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(_tensor(vertices), _tensor(faces, np.uint32))
    return scene
