"""The encoders that a labeler can see pictures through, whoever learned them.

The small network that is trained with a labeler, and the encoder of a latent action model, see the
frame and the one before it; pretrained networks see the frame alone.
"""

from __future__ import annotations

from pathlib import Path

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.encoders.pretrained import (
    COMPONENTS,
    FLOW,
    PRETRAINED,
    SMALL_NETWORK,
    Embed,
    is_pretrained,
    open_pretrained,
    pretrained_token,
    require_pretrained,
)
from rotoscope.models.labelers.labeler import LabelerConfig
from rotoscope.models.latent_actions.model import (
    LATENT_FOLDER,
    check_views,
    latent_token,
    usable_latent,
)
from rotoscope.pipeline.errors import UsageError, quoted

_LATENT = "latent:"


def check_encoder(name: str, config: LabelerConfig | None = None) -> None:
    """Refuses an encoder that nothing could be trained on; cheap beside training.

    Args:
        name: The encoder.
        config: Of the labeler that shall see through it; not looked at where `None`.

    Raises:
        UsageError: None of `cnn`, `pca`, `flow`, `torchvision:NAME`, `transformers:NAME` and
            `latent:FOLDER`, no such network, or a latent model that is absent, tells nothing or
            sees another number of cameras.
        AssetError: Named weights are not there.
    """
    folder = name.removeprefix(_LATENT)
    if name.startswith(_LATENT) and folder:
        model = usable_latent(Path(folder))
        if config is not None and config.camera:
            check_views(model, config.camera, config.focus)
    elif is_pretrained(name):
        require_pretrained(name)
    elif name not in (SMALL_NETWORK, COMPONENTS, FLOW):
        valid = quoted([SMALL_NETWORK, COMPONENTS, FLOW, *PRETRAINED, "latent:FOLDER"])
        raise UsageError(f"unknown encoder {name!r}; valid ones are {valid}")


def encoder_digest(name: str) -> str:
    """Hash of an encoder's folder, so that a changed one is noticed; empty without such a folder.

    Raises:
        UsageError: No model is there.
    """
    is_latent = name.startswith(_LATENT)
    return LATENT_FOLDER.digest(Path(name.removeprefix(_LATENT))) if is_latent else ""


def encoder_token(name: str) -> str:
    """What decides what an encoder says: its weights, wherever they lie, and who runs them.

    Raises:
        UsageError: No latent model is there.
        AssetError: Named weights are not there.
    """
    if name.startswith(_LATENT):
        return latent_token(Path(name.removeprefix(_LATENT)))
    return pretrained_token(name) if is_pretrained(name) else name


def open_encoder(name: str, device: Device = "auto") -> Embed:
    """A trained image network, ready to be asked on a device.

    Raises:
        UsageError: No such network or device, or one that is trained with each labeler anew.
        AssetError: Its weights cannot be had.
    """
    check_encoder(name)
    if name.startswith(_LATENT):
        return usable_latent(Path(name.removeprefix(_LATENT)), device).embed
    if not is_pretrained(name):
        raise UsageError(f"encoder {name!r} is learned with a labeler; there is none to open")
    return open_pretrained(name, device)
