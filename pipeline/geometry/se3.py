"""Rotations and rigid motions as arrays, batched over leading axes. Quaternions are wxyz."""

from __future__ import annotations

import numpy as np
from array_api_compat import device
from jaxtyping import Float

from rotoscope.pipeline.geometry.arrays import Array, array_namespace


def hat(v: Array) -> Array:
    """Skew-symmetric matrix of a vector: `hat(a) @ b == cross(a, b)`; (..., 3) to (..., 3, 3)."""
    xp = array_namespace(v)
    out = xp.zeros((*v.shape, 3), dtype=v.dtype, device=device(v))
    out[..., 0, 1], out[..., 0, 2], out[..., 1, 2] = -v[..., 2], v[..., 1], -v[..., 0]
    out[..., 1, 0], out[..., 2, 0], out[..., 2, 1] = v[..., 2], -v[..., 1], v[..., 0]
    return out


def exp_so3(rotvec: Array) -> Array:
    """Rotation matrices of rotation vectors [rad] (Rodrigues' formula); (..., 3) to (..., 3, 3)."""
    xp = array_namespace(rotvec)
    theta2, safe, is_small = _angles(rotvec)
    a = xp.where(is_small, 1.0 - theta2 / 6.0, xp.sin(safe) / safe)
    b = xp.where(is_small, 0.5 - theta2 / 24.0, (1.0 - xp.cos(safe)) / safe**2)
    k = hat(rotvec)
    return xp.eye(3, dtype=rotvec.dtype, device=device(rotvec)) + a * k + b * (k @ k)


def left_jacobian(rotvec: Array) -> Array:
    """`J` of `exp(v + dv) = exp(J dv) exp(v)` to first order; (..., 3) to (..., 3, 3).

    Sola et al. 2018, "A micro Lie theory for state estimation in robotics", equation 145. The right
    Jacobian, of `exp(v + dv) = exp(v) exp(J dv)`, is the left one of `-v`.
    """
    xp = array_namespace(rotvec)
    theta2, safe, is_small = _angles(rotvec)
    b = xp.where(is_small, 0.5 - theta2 / 24.0, (1.0 - xp.cos(safe)) / safe**2)
    c = xp.where(is_small, 1.0 / 6.0 - theta2 / 120.0, (1.0 - xp.sin(safe) / safe) / safe**2)
    k = hat(rotvec)
    return xp.eye(3, dtype=rotvec.dtype, device=device(rotvec)) + b * k + c * (k @ k)


def _angles(rotvec: Array) -> tuple[Array, Array, Array]:
    """Squared angles, angles with 1 where they are small, and where; (..., 1, 1) each.

    Below the threshold closed forms cancel, and a series' third term is below rounding.
    """
    xp = array_namespace(rotvec)
    theta2 = xp.sum(rotvec * rotvec, axis=-1)[..., None, None]
    theta = xp.sqrt(theta2)
    is_small = theta < 1e-4
    return theta2, xp.where(is_small, xp.ones_like(theta), theta), is_small


def quat_from_matrix(R: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 4"]:
    """Unit quaternions wxyz, w >= 0, of rotation matrices (Bar-Itzhack's eigenvalue-free form)."""
    m = R.reshape(-1, 3, 3)
    trace = np.trace(m, axis1=1, axis2=2)
    diag = np.stack([trace, m[:, 0, 0], m[:, 1, 1], m[:, 2, 2]], axis=1)
    pick = np.argmax(diag, axis=1)
    q = np.empty((len(m), 4))
    for case in range(4):
        rows = pick == case
        r = m[rows]
        if case == 0:
            q[rows, 0] = 1.0 + trace[rows]
            q[rows, 1] = r[:, 2, 1] - r[:, 1, 2]
            q[rows, 2] = r[:, 0, 2] - r[:, 2, 0]
            q[rows, 3] = r[:, 1, 0] - r[:, 0, 1]
            continue
        i, j, k = (case - 1, case % 3, (case + 1) % 3)
        q[rows, 0] = r[:, k, j] - r[:, j, k]
        q[rows, 1 + i] = 1.0 + r[:, i, i] - r[:, j, j] - r[:, k, k]
        q[rows, 1 + j] = r[:, j, i] + r[:, i, j]
        q[rows, 1 + k] = r[:, k, i] + r[:, i, k]
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    q[q[:, 0] < 0] *= -1.0
    return q.reshape(*R.shape[:-2], 4)


def matrix_from_quat(q: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotation matrices of quaternions wxyz; they need not be normalized."""
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    w, v = q[..., :1, None], q[..., 1:]
    k = hat(v)
    return np.eye(3) + 2.0 * w * k + 2.0 * (k @ k)


def log_so3(R: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Rotation vectors [rad], angle in [0, pi], of rotation matrices."""
    q = quat_from_matrix(R)
    v = q[..., 1:]
    n = np.linalg.norm(v, axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(n, q[..., :1])
    scale = np.where(n < 1e-8, 2.0, angle / np.where(n < 1e-8, 1.0, n))
    return v * scale


def rotation_vector(R: Array) -> Array:
    """Rotation vectors [rad] of rotation matrices (..., 3, 3), for residuals on any device.

    As `log_so3` up to just below half a turn; at half a turn exactly, where the axis has no sign,
    the vector is zero.
    """
    xp = array_namespace(R)
    axis = xp.stack(
        [
            R[..., 2, 1] - R[..., 1, 2],
            R[..., 0, 2] - R[..., 2, 0],
            R[..., 1, 0] - R[..., 0, 1],
        ],
        axis=-1,
    )
    twice_sin = xp.sqrt(xp.sum(axis * axis, axis=-1))
    cos = 0.5 * (R[..., 0, 0] + R[..., 1, 1] + R[..., 2, 2] - 1.0)
    angle = xp.atan2(0.5 * twice_sin, cos)
    is_small = twice_sin < 1e-9
    safe = xp.where(is_small, xp.ones_like(twice_sin), twice_sin)
    # At half a turn exactly every axis is as good as any other, and none is taken: rounding and
    # the other terms lead away from there.
    factor = xp.where(is_small, 0.5 * xp.ones_like(safe), angle / safe)
    return axis * factor[..., None]


def unwrap_quat(q: Float[np.ndarray, "time 4"]) -> Float[np.ndarray, "time 4"]:
    """The same rotations with signs chosen so that neighbors lie in one hemisphere."""
    sign = np.cumprod(np.where(np.sum(q[1:] * q[:-1], axis=1) < 0, -1.0, 1.0))
    return q * np.concatenate([[1.0], sign])[:, None]


def make(
    R: Float[np.ndarray, "*batch 3 3"], t: Float[np.ndarray, "*batch 3"]
) -> Float[np.ndarray, "*batch 4 4"]:
    """Homogeneous matrices of rotations and translations."""
    T = np.zeros((*t.shape[:-1], 4, 4))
    T[..., :3, :3], T[..., :3, 3], T[..., 3, 3] = R, t, 1.0
    return T


def inverse(T: Float[np.ndarray, "*batch 4 4"]) -> Float[np.ndarray, "*batch 4 4"]:
    """Inverse of rigid motions."""
    Rt = np.swapaxes(T[..., :3, :3], -1, -2)
    return make(Rt, -(Rt @ T[..., :3, 3:])[..., 0])


def apply(
    T: Float[np.ndarray, "*batch 4 4"], points: Float[np.ndarray, "*batch point 3"]
) -> Float[np.ndarray, "*batch point 3"]:
    """Points of the inner frame in the outer one: `T_a_b` maps b's coordinates to a's."""
    return points @ np.swapaxes(T[..., :3, :3], -1, -2) + T[..., None, :3, 3]


def angle_between(
    A: Float[np.ndarray, "*#batch 3 3"], B: Float[np.ndarray, "*#batch 3 3"]
) -> Float[np.ndarray, "*#batch"]:
    """Angle of the rotation from A to B [rad]."""
    return np.linalg.norm(log_so3(np.swapaxes(A, -1, -2) @ B), axis=-1)


def continuous_rotation_vectors(
    R: Float[np.ndarray, "time 3 3"],
) -> Float[np.ndarray, "time 3"]:
    """Rotation vectors [rad] without the jump at pi: each is the equivalent nearest to the last.

    The first lies within [0, pi]; later ones may exceed pi. They name the same rotations.
    """
    vectors = log_so3(R)
    for t in range(1, len(vectors)):
        angle = float(np.linalg.norm(vectors[t]))
        if angle < 1e-9:
            axis = vectors[t - 1] / max(float(np.linalg.norm(vectors[t - 1])), 1e-9)
            angle = 0.0
        else:
            axis = vectors[t] / angle
        along = float(vectors[t - 1] @ axis)
        turns = np.round((along - angle) / (2 * np.pi))
        vectors[t] = axis * (angle + 2 * np.pi * turns)
    return vectors
