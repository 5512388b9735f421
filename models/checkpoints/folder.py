"""A folder as `save_pretrained` writes it: the kind of network that it holds, and the network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotoscope.models.checkpoints.device import Device, torch_device
from rotoscope.pipeline.assets.digest import sha256_of
from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.files.plain import mapping, read_json

_USED = ("*.json", "*.safetensors", "*.bin", "*.txt", "*.model")
"""Files that decide what a network says: settings, weights and words."""


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds a network of a kind that is wanted."""

    setting: str
    """Name of the setting that names it, for messages."""
    folder: Path
    """Where it lies."""
    config: Mapping[str, Any]
    """Its `config.json`."""

    @property
    def model_type(self) -> str:
        """Which family it is of, in the words of `transformers`."""
        return str(self.config["model_type"])

    def digest(self) -> str:
        """Digest of what decides what it says, wherever it lies."""
        files = sorted({f for pattern in _USED for f in self.folder.glob(pattern)})
        listing = "".join(f"{sha256_of(file)}  {file.name}\n" for file in files)
        return hashlib.sha256(listing.encode()).hexdigest()


def checkpoint_at(
    folder: Path, setting: str, families: Mapping[str, Any], *, wanted: str
) -> Checkpoint:
    """The network in a folder, none of its weights read.

    Args:
        folder: What the user gave.
        setting: The setting in which it was given.
        families: Model types that will do.
        wanted: What they are, in words, as `a video segmenter`.

    Raises:
        UsageError: The folder is not there, is no checkpoint, or holds another kind of network.
    """
    given, place = f"{setting}={folder}", folder.expanduser()
    if not place.is_dir():
        raise UsageError(
            f"{given} is not there; name a folder with {wanted} as `save_pretrained` writes it "
            "(config.json, weights, processor): nothing is downloaded"
        )
    if not (place / "config.json").is_file():
        raise UsageError(
            f"{given} has no config.json; name the folder that `save_pretrained` wrote, or that a "
            "hub's snapshot was copied to"
        )
    source = str(place / "config.json")
    config = mapping(read_json(Path(source), error=UsageError), source=source, error=UsageError)
    model_type = config.get("model_type")
    if model_type not in families:
        raise UsageError(
            f"{given} holds a network of type {model_type!r}; {wanted} is wanted, of type "
            f"{quoted(sorted(families))}"
        )
    if not any(next(place.glob(pattern), None) for pattern in ("*.safetensors", "*.bin")):
        raise UsageError(f"{given} has no weights (*.safetensors); was the copy finished?")
    return Checkpoint(setting, place, config)


def load_network(checkpoint: Checkpoint, class_name: str, device: Device) -> Any:
    """The network, ready to be asked.

    Raises:
        UsageError: The weights cannot be read, or are not those of the network that `config.json`
            describes; or there is no such device.
    """
    import transformers

    where, name = torch_device(device), f"{checkpoint.setting}={checkpoint.folder}"
    try:
        network, found = getattr(transformers, class_name).from_pretrained(
            checkpoint.folder, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # safetensors and transformers have no common base of their errors
        raise UsageError(f"{name} cannot be read: {_first_line(error)}") from error
    missing = sorted(found["missing_keys"])
    if missing:
        # transformers draws them at random and only warns.
        raise UsageError(
            f"{name}: its weights lack {len(missing)} parts of a {class_name}, as {missing[0]}; "
            "they are of another network, or not whole"
        )
    return network.to(where).eval()


def load_processor(checkpoint: Checkpoint, class_name: str) -> Any:
    """What brings pictures into the network's form.

    Raises:
        UsageError: It is not in the folder.
    """
    import transformers

    try:
        return getattr(transformers, class_name).from_pretrained(
            checkpoint.folder, local_files_only=True
        )
    except Exception as error:  # files of many kinds, and as many kinds of errors
        raise UsageError(
            f"{checkpoint.setting}={checkpoint.folder} has no processor that can be read "
            f"({_first_line(error)}); copy preprocessor_config.json or processor_config.json and "
            "the tokenizer beside the weights"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
