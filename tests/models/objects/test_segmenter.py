"""Segmenters and detectors of `transformers` by folder: tiny ones, drawn at random."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_networks
from moved_things import clip, pictures, track

from rotoscope.models.objects.network_stage import ObjectsNetwork, ObjectsNetworkConfig
from rotoscope.models.objects.prompts import Prompt
from rotoscope.models.objects.segmenter import TransformersSegmenter, segmenter_at
from rotoscope.models.objects.text_prompt import TransformersDetector, detector_at
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.tracks import ObjectTrack

SHAPE = (30, 40)


def unless_slow(kinds: Iterable[str], *slow: str) -> list[Any]:
    """All kinds; those that share most of their code with another are for the slow tests."""
    return [pytest.param(k, marks=pytest.mark.slow) if k in slow else k for k in kinds]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("networks")
    made = tiny_networks.SEGMENTERS | tiny_networks.DETECTORS
    return {kind: make(place / kind) for kind, make in made.items()}


def some_pictures(num: int) -> list[np.ndarray]:
    return [np.random.default_rng(k).integers(0, 255, (60, 80, 3), np.uint8) for k in range(num)]


def points(frame: int, *places: tuple[float, float], off: int = 0) -> Prompt:
    on = np.arange(len(places)) < len(places) - off
    return Prompt(frame, points=np.array(places), is_on=on)


def a_mask() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[5:15, 5:20] = True
    return mask


@pytest.mark.parametrize("kind", unless_slow(tiny_networks.SEGMENTERS, "sam3_video"))
def test_every_family_follows_things_given_by_points_boxes_and_masks(
    kind: str, folders: dict[str, Path]
) -> None:
    segmenter = TransformersSegmenter(segmenter_at(folders[kind]), "cpu")
    box = Prompt(1, box=np.array([0.1, 0.1, 0.5, 0.5]))
    things = [
        [points(1, (0.3, 0.3), (0.8, 0.8), off=1)],
        [Prompt(3, mask=a_mask())],
        [box, points(4, (0.4, 0.4))],
    ]
    found = segmenter.masks(some_pictures(6), things, SHAPE)
    assert [[mask.shape for mask in masks] for masks in found] == [[SHAPE] * 6] * 3
    # A mask that is given comes out again, by what the network's smaller picture leaves of it.
    overlap = (found[1][3] & a_mask()).sum() / (found[1][3] | a_mask()).sum()
    assert overlap > 0.9
    assert not any(mask.any() for mask in found[1][:3]), "what is carried on is not followed back"


def test_prompts_reach_the_network_in_its_own_pixels(folders: dict[str, Path]) -> None:
    segmenter = TransformersSegmenter(segmenter_at(folders["sam2_video"]), "cpu")
    seen: list[tuple[Any, Any]] = []
    encoder = segmenter._network.prompt_encoder
    encoder.register_forward_pre_hook(
        lambda _, args, given: seen.append((given["input_points"], given["input_labels"])),
        with_kwargs=True,
    )
    segmenter.masks(some_pictures(1), [[points(0, (0.25, 0.5), (0.75, 0.125), off=1)]], SHAPE)
    at, labels = seen[0]
    side = tiny_networks.SIDE
    np.testing.assert_allclose(
        at[0, 0, :2], [[0.25 * side, 0.5 * side], [0.75 * side, 0.125 * side]]
    )
    np.testing.assert_array_equal(labels[0, 0, :2], [1, 0])


def test_another_prompt_is_another_thing_and_the_same_one_the_same(
    folders: dict[str, Path],
) -> None:
    segmenter = TransformersSegmenter(segmenter_at(folders["sam3_tracker_video"]), "cpu")
    frames = some_pictures(2)
    here, there = [points(0, (0.2, 0.2))], [points(0, (0.8, 0.7))]
    scores: list[Any] = []
    segmenter._network.mask_decoder.register_forward_hook(
        lambda _, __, said: scores.append(said[0])
    )
    alone = segmenter.masks(frames, [here], SHAPE)
    both = segmenter.masks(frames, [here, there], SHAPE)
    np.testing.assert_array_equal(alone[0], both[0])
    assert len(scores) == 6  # one picture after the other, thing by thing
    assert (scores[2] - scores[3]).abs().max() > 1e-3


def test_memory_of_old_pictures_is_dropped(folders: dict[str, Path]) -> None:
    segmenter = TransformersSegmenter(segmenter_at(folders["sam2_video"]), "cpu")
    segmenter._looks_back = 2
    held: list[int] = []
    forget = segmenter._forget

    def counted(session: Any, step: int) -> None:
        forget(session, step)
        held.append(len(session.output_dict_per_obj[0]["non_cond_frame_outputs"]))
        assert not session.processed_frames

    segmenter._forget = counted  # type: ignore[method-assign]
    segmenter.masks(some_pictures(8), [[points(0, (0.2, 0.2))]], SHAPE)
    assert max(held) == 3


@pytest.mark.parametrize(
    "kind", unless_slow(tiny_networks.DETECTORS, "mm-grounding-dino", "owlvit")
)
def test_detectors_give_boxes_within_the_picture(kind: str, folders: dict[str, Path]) -> None:
    detector = TransformersDetector(detector_at(folders[kind]), "cpu", 0.0)
    found = detector.boxes(some_pictures(1)[0], "red cup")
    assert found
    for box in found:
        assert box.name == "red cup"
        assert (box.corners >= 0).all()
        assert (box.corners <= 1).all()
        assert (box.corners[2:] > box.corners[:2]).all()
    assert [b.score for b in found] == sorted((b.score for b in found), reverse=True)
    sure = TransformersDetector(detector_at(folders[kind]), "cpu", 1.0)
    assert sure.boxes(some_pictures(1)[0], "red cup") == []


def stage(**settings: Any) -> ObjectsNetwork:
    return ObjectsNetwork(ObjectsNetworkConfig(**settings))


@pytest.mark.parametrize("text", [pytest.param(None, marks=pytest.mark.slow), "cup"])
def test_random_network_keeps_the_contract(
    text: str | None, folders: dict[str, Path], tmp_path: Path
) -> None:
    detector = folders["owlv2"] if text else None
    made = stage(
        model=folders["sam2_video"], text=text, detector=detector, min_score=0.0, max_side_px=160,
        picture_px=160, max_objects=1,
    )  # fmt: skip
    made.setup()
    frames = pictures()[16:28]
    out = made.run(clip(tmp_path, frames), {"hands.right": track().slice(16, 28)})
    for thing in out.values():
        if isinstance(thing, ObjectTrack):
            assert len(thing.valid) == 12
            assert np.isnan(thing.center_px[~thing.valid]).all()
            assert not (thing.valid & (thing.mask_bits.sum(axis=1) == 0)).any()
    assert "quality.objects" in out


def edited(folder: Path, to: Path, **config: Any) -> Path:
    shutil.copytree(folder, to)
    file = to / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | config))
    return to


def test_folders_without_a_segmenter_are_refused_before_any_video(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"network\.model=.* is not there.*nothing is downloaded"):
        stage(model=tmp_path / "none").cache_token()
    with pytest.raises(UsageError, match=r"has no config\.json"):
        stage(model=tmp_path).cache_token()
    with pytest.raises(UsageError, match=r"network of type 'owlv2'; a video segmenter is wanted"):
        stage(model=folders["owlv2"]).cache_token()
    only_config = tmp_path / "config"
    only_config.mkdir()
    shutil.copy(folders["sam2_video"] / "config.json", only_config)
    with pytest.raises(UsageError, match="has no weights"):
        stage(model=only_config).cache_token()
    (only_config / "config.json").write_text("{")
    with pytest.raises(UsageError, match="not valid JSON"):
        stage(model=only_config).cache_token()


def test_text_without_what_knows_words_is_refused_before_any_video(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    sam2 = folders["sam2_video"]
    with pytest.raises(UsageError, match=r"text='cup' needs objects\.network\.detector"):
        stage(model=sam2, text="cup").cache_token()
    with pytest.raises(UsageError, match=r"objects\.network\.detector=.* is not there"):
        stage(model=sam2, text="cup", detector=tmp_path / "none").cache_token()
    with pytest.raises(UsageError, match="type 'sam2_video'; a detector of things by their names"):
        stage(model=sam2, text="cup", detector=sam2).cache_token()
    assert stage(model=folders["sam3_video"], text="cup").cache_token()


def test_weights_of_another_network_and_no_processor_are_refused(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    mixed = edited(folders["sam2_video"], tmp_path / "mixed")
    shutil.copy(folders["owlv2"] / "model.safetensors", mixed)
    with pytest.raises(UsageError, match=r"weights lack .* parts of a Sam2VideoModel"):
        stage(model=mixed).setup()
    torn = edited(folders["sam2_video"], tmp_path / "torn")
    weights = (torn / "model.safetensors").read_bytes()
    (torn / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(UsageError, match="cannot be read"):
        stage(model=torn).setup()
    bare = edited(folders["sam2_video"], tmp_path / "bare")
    (bare / "processor_config.json").unlink()
    with pytest.raises(UsageError, match="has no processor"):
        stage(model=bare).setup()


def test_edgetam_says_that_it_needs_timm(folders: dict[str, Path], tmp_path: Path) -> None:
    timm = {"backbone_config": {"model_type": "timm_wrapper"}}
    place = edited(folders["edgetam_video"], tmp_path / "timm", vision_config=timm)
    with pytest.raises(UsageError, match="pip install timm"):
        segmenter_at(place)


def test_same_weights_elsewhere_are_the_same_and_others_are_not(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    here = stage(model=folders["sam2_video"]).cache_token()
    copy = shutil.copytree(folders["sam2_video"], tmp_path / "copy")
    assert stage(model=copy).cache_token() == here
    other = tiny_networks.sam2(tmp_path / "other")
    assert stage(model=other).cache_token() != here
