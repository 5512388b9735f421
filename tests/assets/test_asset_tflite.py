"""Metadata in TFLite models: what is added can be read back, and nothing else changes."""

import importlib
import zipfile
from pathlib import Path

import pytest

from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.assets.archives import Archive
from rotoscope.pipeline.assets.manifest import ImageNormalization, Member, StoredZip, load_manifest
from rotoscope.pipeline.assets.sources import _take
from rotoscope.pipeline.assets.tflite import with_normalization
from rotoscope.pipeline.errors import AssetError

WEIGHTS = bytes(range(256))
UNIT_RANGE = ImageNormalization(mean=0.0, std=255.0)


@pytest.fixture(scope="module")
def schema():
    return importlib.import_module("mediapipe.tasks.metadata.schema_py_generated")


@pytest.fixture(scope="module")
def model(schema) -> bytes:
    """A TFLite model with one image as input, two outputs and some weights, without metadata."""
    flatbuffers = importlib.import_module("flatbuffers")
    graph = schema.SubGraphT()
    graph.tensors = [tensor(schema, name) for name in ("picture", "points", "score")]
    graph.inputs, graph.outputs = [0], [1, 2]
    weights = schema.BufferT()
    weights.data = list(WEIGHTS)
    whole = schema.ModelT()
    whole.version, whole.subgraphs, whole.buffers = 3, [graph], [schema.BufferT(), weights]
    builder = flatbuffers.Builder(0)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def tensor(schema, name):
    out = schema.TensorT()
    out.name, out.shape = name, [1, 8]
    return out


def metadata_of(schema, model):
    module = importlib.import_module("mediapipe.tasks.metadata.metadata_schema_py_generated")
    unpacked = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    (entry,) = [e for e in unpacked.metadata if e.name == b"TFLITE_METADATA"]
    data = bytes(bytearray(unpacked.buffers[entry.buffer].data))
    assert data[4:8] == b"M001"
    table = module.ModelMetadata.GetRootAsModelMetadata(data, 0)
    return module.ModelMetadataT.InitFromObj(table)


def test_added_metadata_say_how_the_image_is_scaled(schema, model):
    metadata = metadata_of(schema, with_normalization(model, UNIT_RANGE))
    (graph,) = metadata.subgraphMetadata
    (image,) = graph.inputTensorMetadata
    (scaling,) = image.processUnits
    assert (list(scaling.options.mean), list(scaling.options.std)) == ([0.0], [255.0])
    assert [t.name for t in graph.outputTensorMetadata] == [b"points", b"score"]


def test_weights_and_graph_stay_as_they_were(schema, model):
    changed = with_normalization(model, UNIT_RANGE)
    unpacked = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(changed, 0))
    assert bytes(bytearray(unpacked.buffers[1].data)) == WEIGHTS
    (graph,) = unpacked.subgraphs
    assert [t.name for t in graph.tensors] == [b"picture", b"points", b"score"]
    assert (list(graph.inputs), list(graph.outputs)) == ([0], [1, 2])


def test_the_same_bytes_come_out_again(model):
    assert with_normalization(model, UNIT_RANGE) == with_normalization(model, UNIT_RANGE)


def test_a_model_with_metadata_is_refused(model):
    once = with_normalization(model, UNIT_RANGE)
    with pytest.raises(AssetError, match="has metadata already; take it as it is"):
        with_normalization(once, UNIT_RANGE)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip archive"])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(AssetError, match="TFLite models only"):
        with_normalization(content, UNIT_RANGE)


def test_members_of_a_new_zip_are_changed_only_where_the_manifest_says(
    tmp_path: Path, schema, model
):
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr("deep/model.tflite", model)
    changed = Member(member="deep/model.tflite", tflite_normalization=UNIT_RANGE)
    take = StoredZip(stored_zip={"plain.tflite": "deep/model.tflite", "changed.tflite": changed})
    _take(Archive(tmp_path / "a.whl"), take, tmp_path / "out.task")
    with zipfile.ZipFile(tmp_path / "out.task") as out:
        assert all(i.compress_type == zipfile.ZIP_STORED for i in out.infolist())
        assert out.read("plain.tflite") == model
        assert out.read("changed.tflite") == with_normalization(model, UNIT_RANGE)


def test_a_scale_that_divides_by_nothing_is_refused(tmp_path: Path):
    (tmp_path / "assets.yaml").write_text(
        "assets: {a: {kind: file, description: d, license: l, sources: [{type: wheel, "
        "distribution: d, version: '1', "
        "take: {member: m, tflite_normalization: {mean: 0, std: 0}}}]}}"
    )
    with pytest.raises(AssetError, match=r"(?s)tflite_normalization\.std.*greater than 0"):
        load_manifest(tmp_path / "assets.yaml")


def test_fetched_pose_landmarker_holds_a_detector_and_a_landmark_network_with_metadata(schema):
    try:
        path = asset_path("pose_landmarker.task")
    except AssetError as error:
        pytest.skip(str(error))
    with zipfile.ZipFile(path) as bundle:
        assert bundle.namelist() == ["pose_detector.tflite", "pose_landmarks_detector.tflite"]
        for name in bundle.namelist():
            assert metadata_of(schema, bundle.read(name)).subgraphMetadata
