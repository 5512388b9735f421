"""What a TFLite model's metadata say about its input, written into models that lack it."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from rotoscope.pipeline.assets.manifest import ImageNormalization
from rotoscope.pipeline.errors import AssetError

_MODEL_IDENTIFIER, _METADATA_IDENTIFIER = b"TFL3", b"M001"
_METADATA_NAME = "TFLITE_METADATA"
_MIN_PARSER_VERSION = "1.0.0"


def with_normalization(model: bytes, normalization: ImageNormalization) -> bytes:
    """The same TFLite model, with metadata that say how the pixels of its one image are scaled.

    MediaPipe's tasks refuse a model without them, and its older solutions shipped some without.
    The metadata follow TFLite's schema (`metadata_schema.fbs` 1.0.0), with the classes that
    mediapipe ships for it; the bytes are the same on every machine.

    Args:
        model: Content of a `.tflite` file.
        normalization: Mean and standard deviation of the input.

    Raises:
        AssetError: These are not the bytes of a TFLite model, or it has metadata already.
    """
    if model[4:8] != _MODEL_IDENTIFIER:
        raise AssetError(
            f"metadata can be added to TFLite models only, whose bytes 4 to 8 are "
            f"{_MODEL_IDENTIFIER!r}; these are {model[4:8]!r}"
        )
    schema = importlib.import_module("mediapipe.tasks.metadata.schema_py_generated")
    unpacked = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    entries = unpacked.metadata or []
    if any(entry.name in (_METADATA_NAME, _METADATA_NAME.encode()) for entry in entries):
        raise AssetError("the TFLite model has metadata already; take it as it is")
    buffer = schema.BufferT()
    # The generated classes copy an array at once and a list number by number.
    buffer.data = np.frombuffer(_metadata(unpacked.subgraphs[0], normalization), np.uint8)
    unpacked.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = _METADATA_NAME, len(unpacked.buffers) - 1
    unpacked.metadata = [*entries, entry]
    return _packed(unpacked, _MODEL_IDENTIFIER)


def _metadata(graph: Any, normalization: ImageNormalization) -> bytes:
    """Metadata of a graph with one image as input."""
    schema = importlib.import_module("mediapipe.tasks.metadata.metadata_schema_py_generated")
    options = schema.NormalizationOptionsT()
    options.mean, options.std = [normalization.mean], [normalization.std]
    scaling = schema.ProcessUnitT()
    scaling.optionsType = schema.ProcessUnitOptions.NormalizationOptions
    scaling.options = options
    colors = schema.ImagePropertiesT()
    colors.colorSpace = schema.ColorSpaceType.RGB
    content = schema.ContentT()
    content.contentPropertiesType = schema.ContentProperties.ImageProperties
    content.contentProperties = colors
    image = schema.TensorMetadataT()
    image.name, image.processUnits, image.content = "image", [scaling], content
    subgraph = schema.SubGraphMetadataT()
    subgraph.inputTensorMetadata = [image]
    subgraph.outputTensorMetadata = [
        _named(schema.TensorMetadataT(), graph.tensors[index].name) for index in graph.outputs
    ]
    metadata = schema.ModelMetadataT()
    metadata.subgraphMetadata = [subgraph]
    metadata.minParserVersion = _MIN_PARSER_VERSION
    return _packed(metadata, _METADATA_IDENTIFIER)


def _named(tensor: Any, name: str | bytes) -> Any:
    tensor.name = name
    return tensor


def _packed(table: Any, identifier: bytes) -> bytes:
    flatbuffers = importlib.import_module("flatbuffers")
    builder = flatbuffers.Builder(0)
    builder.Finish(table.Pack(builder), identifier)
    return bytes(builder.Output())
