"""Pictures fade away from what tracks follow, the same in training and labeling."""

import numpy as np
import pytest
from two_cameras import BOTH, FRONT, SIDE, publish_two

from benchmarks._small_dataset import WIDTH
from benchmarks._two_filmed import with_column
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.inverse_dynamics.pixels_stage import Pixels, PixelsConfig, look_at
from rotoscope.models.labelers.relabel import relabel_dataset
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.model import load_latent
from rotoscope.models.latent_actions.train_command import train_latent_from
from rotoscope.models.policy.command import train_policy
from rotoscope.models.training.focus import (
    GRAY,
    FocusConfig,
    exchanged,
    focused,
    held,
    point_shares,
    weights_near,
)
from rotoscope.models.training.focus_points import points_of
from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.datasets.read import EpisodeRows, open_dataset
from rotoscope.pipeline.errors import DatasetError, TrackError, UsageError
from rotoscope.pipeline.settings import read_settings
from rotoscope.pipeline.tracks import SCENE, FeatureTrack
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.probe import probe

TRACK, OTHER = "track.colour.joint", "track.colour.gripper"
FOCUS = f"focus.tracks=[{TRACK}]"


@pytest.fixture(autouse=True)
def _own_places(monkeypatch, tmp_path_factory):
    root = tmp_path_factory.getbasetemp() / "places"
    monkeypatch.setenv("ROTOSCOPE_STORE", str(root / "store"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))


def followed(position, band):
    """Where a band's block is: shares of the picture's width, as `track.colour` gives them."""
    across = WIDTH / 2 + position * (WIDTH / 2 - 14)
    return np.stack([across, np.full(len(across), (3 + 2 * band) * 8)], axis=1) / WIDTH


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    root = publish_two(tmp_path_factory.mktemp("focus") / "data", episodes=5, rows=60)
    states = {
        k: np.asarray(open_dataset(root).episode(k).columns["observation.state"], float)
        for k in range(5)
    }
    with_column(root, TRACK, {k: followed(s[:, 0], 0) for k, s in states.items()})
    with_column(root, OTHER, {k: followed(s[:, 2] / 50 - 1, 2) for k, s in states.items()})
    return root


def test_weight_is_whole_at_a_point_and_a_normal_density_away_from_it():
    points = np.array([[[[0.5, 0.25], [np.nan, np.nan]]]])
    near = weights_near(points, side=40, radius=0.1)[0] / 255
    assert near.shape == (40, 40)
    np.testing.assert_allclose(near[9:11, 19:21], np.exp(-0.5 * 2 * 0.125**2), atol=0.01)
    # A radius to the right, less half a pixel: exp(-1/2).
    assert near[9, 23] == pytest.approx(np.exp(-0.5 * (0.875**2 + 0.125**2)), abs=0.01)
    assert near[30:].max() < 0.01


def test_of_several_points_the_nearest_counts_and_cameras_do_not_mix():
    points = np.full((1, 2, 2, 2), np.nan)
    points[0, 0, 0], points[0, 1, 0], points[0, 1, 1] = (0.1, 0.1), (0.9, 0.9), (0.9, 0.1)
    near = weights_near(points, side=20, radius=0.05)[0]
    peaks = [(1, 1), (37, 17), (21, 17)]
    assert all(near[row, column] > 150 for row, column in peaks)
    assert near[17, 17] == 0
    assert near[21, 1] == 0


def test_picture_is_itself_at_a_point_and_gray_far_away():
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    points = np.full((3, 1, 1, 2), 16.5 / 32)
    found = focused(images, points, FocusConfig(tracks=("x",), radius=0.05))
    np.testing.assert_array_equal(found[:, 16, 16], images[:, 16, 16])
    assert (found[:, :6] == GRAY).all()
    half = focused(images, points, FocusConfig(tracks=("x",), radius=0.05, kept=0.5))
    np.testing.assert_allclose(half[:, :6], (GRAY + images[:, :6].astype(float)) / 2, atol=1)
    whole = focused(images, points, FocusConfig(tracks=("x",), radius=0.05, kept=1))
    np.testing.assert_array_equal(whole, images)


def test_gaps_are_bridged_and_what_is_never_known_stays_unknown():
    points = np.array([[np.nan, np.nan], [1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    found = held(points, np.array([0.0, 1.0, 2.5, 3.0]))
    np.testing.assert_allclose(found[:, 0], [1, 1, 2.5, 3])
    assert np.isnan(found[:, 1]).all()
    assert np.isnan(points[0, 0])


def test_backgrounds_are_exchanged_and_things_stay_where_they_are_once():
    import torch

    torch.manual_seed(0)
    rows = 12
    shade = torch.arange(rows)[:, None, None, None, None].expand(rows, 2, 8, 8, 3).clone() * 10
    near = torch.zeros(rows, 2, 8, 8, dtype=torch.uint8)
    near[:, :, 1, 1] = 255  # each row's own thing, at the same place or elsewhere
    near[::2, :, 1, 1], near[::2, :, 6, 6] = 0, 255
    shade[::2, :, 6, 6], shade[1::2, :, 1, 1] = 250, 200
    found = exchanged(shade, near, share=1.0)
    assert (found[::2, :, 6, 6] == 250).all()
    assert (found[1::2, :, 1, 1] == 200).all()
    back = found[:, :, 4, 4, 0]
    assert (back[:, 0] == back[:, 1]).all()  # one background for all pictures of a row
    assert sorted((back[:, 0] / 10).tolist()) == list(range(rows))
    assert (back[:, 0] != torch.arange(rows) * 10).any()
    # Where the other row shows its thing one's own background stays.
    assert (found[::2, :, 1, 1] != 200).all()
    assert (found[1::2, :, 6, 6] != 250).all()
    torch.testing.assert_close(exchanged(shade, near, share=0.0), shade.float())


def test_numbers_called_x_and_y_are_shares_of_both_sides_others_of_the_width():
    values = np.array([[0.5, 0.25, 0.1, 0.2]])
    names = ("wrist.x", "wrist.y", "thumb.x", "thumb.y")
    np.testing.assert_allclose(point_shares(values, names, (200, 100)), values.reshape(1, 2, 2))
    names = ("x", "y", "size", "spread")
    np.testing.assert_allclose(point_shares(values, names, (200, 100)), [[[0.5, 0.5]]])


def test_points_of_a_dataset_stand_on_what_they_follow(filmed):
    data = read_labeled(filmed, camera=FRONT, image_size=64)
    focus = FocusConfig(tracks=(TRACK,), radius=0.05)
    dataset = open_dataset(filmed)
    points = points_of(dataset, dataset.episode(1), FRONT, focus)
    column, row = (points[:, 0, 0] * 64).astype(int).T
    brightness = data.episodes[1].images[np.arange(len(points)), row, column].mean(axis=1)
    assert (brightness > 150).all()


def rows_with(columns, scene):
    columns = {"timestamp": np.arange(2.0), "frame_index": np.arange(2)} | columns
    return EpisodeRows(0, columns, None, 0.0, {"scene": scene})


def test_hand_in_space_is_seen_through_the_episodes_camera(filmed):
    dataset = open_dataset(filmed)
    K = [[100.0, 0, 96], [0, 100.0, 64], [0, 0, 1]]
    scene = {"K": K, "video_width": 192, "video_height": 128}
    joints = np.tile([[0.48, 0.32, 1.0], [0.0, 0.0, -1.0]], (2, 1, 1)).reshape(2, 6)
    focus = FocusConfig(tracks=("track.hand.joints",))
    rows = rows_with({"track.hand.joints": joints}, scene)
    points = points_of(dataset, rows, FRONT, focus)
    np.testing.assert_allclose(points[:, 0, 0], [[0.75, 0.75]] * 2, atol=1e-6)
    assert np.isnan(points[:, 0, 1]).all()  # behind the camera
    turned = {"track.camera.pose": np.array([[0.48, 0.32, 0, 0, 0, 0]] * 2)}
    rows = rows_with({"track.hand.joints": joints} | turned, scene)
    np.testing.assert_allclose(
        points_of(dataset, rows, FRONT, focus)[:, 0, 0], [[0.5, 0.5]] * 2, atol=1e-6
    )
    with pytest.raises(DatasetError, match="does not say how its camera saw"):
        points_of(dataset, rows_with({"track.hand.joints": joints}, {}), FRONT, focus)


def test_track_that_is_known_nowhere_is_named(filmed):
    rows = rows_with({TRACK: np.full((2, 2), np.nan)}, {})
    with pytest.raises(DatasetError, match=f"{TRACK}' are known in no row"):
        points_of(open_dataset(filmed), rows, FRONT, FocusConfig(tracks=(TRACK,)))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ([f"camera={FRONT}", "focus.tracks=[track.no]"], DatasetError, "no feature 'track.no'; it"),
        ([f"camera={FRONT}", f"focus.tracks=[{SIDE}:{OTHER}]"], UsageError, "names .*side"),
        ([BOTH, f"focus.tracks=[{SIDE}:{OTHER}]"], UsageError, "names no track of .*front"),
        (["inputs=[track.point]", FOCUS], UsageError, "no camera is set"),
        ([f"camera={FRONT}", FOCUS, "focus.radius=0"], UsageError, "radius"),
        ([f"camera={FRONT}", "kind=mlp", "exchange=0.5"], UsageError, "set focus.tracks"),
        ([f"camera={FRONT}", "kind=ridge", FOCUS, "exchange=0.5"], UsageError, "encoder=cnn"),
    ],
)
def test_focus_that_cannot_be_is_refused(filmed, tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        train_labeler("inverse-dynamics", filmed, tmp_path / "out", settings)


def test_labels_of_a_dataset_and_of_its_video_are_those_of_the_same_pictures(filmed, tmp_path):
    settings = [f"camera={FRONT}", FOCUS, "image_size=32", "kind=ridge", "window.at_ends=drop"]
    train_labeler("inverse-dynamics", filmed, tmp_path / "labeler", settings)
    labeler = load_labeler(tmp_path / "labeler")
    assert labeler.facts.config.focus.tracks == (TRACK,)
    r2 = labeler.metrics["r2"]
    assert r2["arm_joint1.pos"] > 0.7
    assert r2["gripper.pos"] < 0.5  # faded away
    relabel_dataset(filmed, tmp_path / "labeler", tmp_path / "out", keeps_known=False)
    made = open_dataset(tmp_path / "out").episode(0)
    assert np.ravel(made.columns["label.valid"]).mean() > 0.5
    stage = Pixels(PixelsConfig(model=tmp_path / "labeler"))
    with pytest.raises(UsageError, match=r"remove the stage label\.pixels"):
        stage.setup()
    dataset = open_dataset(filmed)
    data = read_labeled(filmed, camera=FRONT, image_size=32, focus=labeler.facts.config.focus)
    video = probe(dataset.video_file(FRONT, 0))
    num = len(data.episodes[0].time_s)
    values = np.asarray(dataset.episode(0).columns[TRACK], float)
    track = FeatureTrack(TRACK, SCENE, values, ("x", "y"), "1", "A joint.")
    clip = Clip(video, 0, np.arange(num) / 30)
    seen = look_at(clip, {"features.colour.joint.scene": track}, labeler, tmp_path / "labeler")
    images = data.episodes[0].images
    wanted = labeler.encoder(images, images)
    np.testing.assert_allclose(seen.values[:, : wanted.shape[1]], wanted, atol=0.02)
    with pytest.raises(TrackError, match=f"needs '{TRACK}' before it"):
        look_at(clip, {}, labeler, tmp_path / "labeler")


def test_network_learns_before_exchanged_backgrounds(filmed, tmp_path):
    few = ["members=2", "loop.num_steps=4", "loop.eval_every=2", "loop.batch_size=8"]
    look = [f"camera={FRONT}", FOCUS, "focus.kept=1", "image_size=16", "window.before_s=0.04"]
    found = {}
    for share in (0, 1):
        out = tmp_path / str(share)
        train_labeler("inverse-dynamics", filmed, out, [*look, *few, f"exchange={share}"])
        found[share] = load_labeler(out).members[0]["encoder.0.weight"]
    assert not np.allclose(found[0], found[1])


def test_latents_of_what_tracks_follow_are_for_labelers_with_the_same_focus(filmed, tmp_path):
    few = ["loop.num_steps=30", "loop.eval_every=15", "loop.learning_rate=0.005", "image_size=32"]
    settings = [f"camera={FRONT}", FOCUS, *few, "exchange=0.5", "focus.kept=0.5"]
    train_latent_from([filmed], tmp_path / "latent", settings)
    assert load_latent(tmp_path / "latent").facts.config.exchange == 0.5
    look = [f"camera={FRONT}", "image_size=32", f"encoder=latent:{tmp_path / 'latent'}"]
    with pytest.raises(UsageError, match="needs the same focus"):
        train_labeler("inverse-dynamics", filmed, tmp_path / "no", [*look, FOCUS, "kind=ridge"])
    with pytest.raises(UsageError, match="needs the same focus"):
        train_policy(filmed, tmp_path / "policy", "bc", [*look, "inputs=[]"])
    same = [FOCUS, "focus.kept=0.5", "kind=ridge"]
    train_labeler("inverse-dynamics", filmed, tmp_path / "yes", [*look, *same])
    assert load_labeler(tmp_path / "yes").metrics["r2"]["arm_joint1.pos"] > 0.5
    with pytest.raises(UsageError, match=r"exchange=0\.5 puts other backgrounds"):
        read_settings(["exchange=0.5"], LatentActionConfig)


def test_settings_of_focus_stand_in_those_of_every_labeler():
    config = read_settings([f"camera={FRONT}", FOCUS, "focus.radius=0.2"], InverseDynamicsConfig)
    assert config.focus == FocusConfig(tracks=(TRACK,), radius=0.2)
