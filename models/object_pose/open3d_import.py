"""Open3D, where it is installed."""

from __future__ import annotations

from typing import Any

from rotoscope.pipeline.errors import AssetError


def open3d() -> Any:
    """The module, which says nothing but errors.

    Raises:
        AssetError: It, or the system library that it needs, is not there.
    """
    try:
        import open3d as o3d
    except (ImportError, OSError) as error:
        raise AssetError(
            f"poses of objects need Open3D, which cannot be imported ({error}); it needs the "
            "system library libusb-1.0-0 (`apt-get install libusb-1.0-0`) and the Python package "
            "open3d-cpu (`pip install 'rotoscope[samples]'`)"
        ) from error
    o3d.utility.set_verbosity_level(o3d.utility.VerbosityLevel.Error)
    return o3d
