"""Results of HaMeR, WiLoR and VITRA: sides, mirrored left hands, nominal focal lengths."""

import pickle

import numpy as np
import pytest
from human_hands import hand_joints, seen

from rotoscope.models.hand_files.read import read_hands
from rotoscope.models.hand_files.stage import HandsFile, HandsFileConfig
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import SIDES, Camera

FRAMES = 8
K = np.array([[600.0, 0, 330], [0, 600.0, 236], [0, 0, 1]])
CAMERA = Camera(K, 640, 480, "recipe", 0.02)
NOMINAL_PX = 5000 / 256 * 640


def truth(side):
    return seen(hand_joints(np.linspace(0.3, 0.9, FRAMES)), side).joints_m


def found(side, frame, *, mirrored_back=True):
    """A hand as a network sees it: about its own origin, the depth that of a nominal focal length.

    The translation puts the origin where it is seen, in a picture whose middle is the principal
    point, and as far off as makes it look as large.
    """
    joints = truth(side)[frame]
    origin = joints[0]
    u, v = pinhole.project(origin[None], K)[0]
    depth = origin[2] * NOMINAL_PX / K[0, 0]
    translation = np.array([(u - 320) * depth, (v - 240) * depth, depth * NOMINAL_PX]) / NOMINAL_PX
    about = joints - origin
    if side == "left" and not mirrored_back:
        about = about * [-1, 1, 1]
    return {
        "is_right": float(side == "right"),
        "pred_keypoints_3d": about[None].astype(np.float32),
        "pred_cam_t_full": translation[None].astype(np.float32),
        "scaled_focal_length": np.float32(NOMINAL_PX),
    }


def run(folder, results, camera=CAMERA, **config):
    (folder / "video.hands.pkl").write_bytes(pickle.dumps(results))
    clip = a_clip(FRAMES, path=folder / "video.mp4")
    return HandsFile(HandsFileConfig(**config)).run(clip, {"camera": camera})


def check(out):
    for side in SIDES:
        track = out[f"hands.{side}"]
        assert track.valid.all()
        assert np.abs(track.joints_m - truth(side)).max() < 1e-4
        wanted_px = pinhole.project(truth(side), K)
        assert np.abs(track.landmarks_px - wanted_px).max() < 0.2


@pytest.mark.parametrize("mirrored_back", [True, False])
def test_hands_are_seen_where_the_network_saw_them_at_the_depth_of_the_true_camera(
    tmp_path, mirrored_back
):
    hands = [
        found(side, k, mirrored_back=mirrored_back) | {"frame": k}
        for k in range(FRAMES)
        for side in SIDES
    ]
    out = run(tmp_path, hands)
    check(out)
    assumed = out["quality.hands_file.left"].facts["hands_assumed"]
    assert bool(assumed) != mirrored_back


def test_lists_by_frame_say_the_frame_by_their_order(tmp_path):
    check(run(tmp_path, [[found(side, k) for side in SIDES] for k in range(FRAMES)]))


def test_wilor_s_nested_results_by_name_of_picture_are_read(tmp_path):
    results = {}
    for k in range(FRAMES):
        flat = [found(side, k) for side in SIDES]
        results[f"clip2/frame_{k:06d}.jpg"] = [
            {"hand_bbox": np.zeros(4), "is_right": hand.pop("is_right"), "wilor_preds": hand}
            for hand in flat
        ]
    check(run(tmp_path, results))


def test_pictures_that_are_counted_from_one_are_told_and_set_right(tmp_path):
    hands = [
        found(side, k) | {"img_name": f"clip/{k + 1:06d}.jpg"}
        for k in range(FRAMES)
        for side in SIDES
    ]
    check(run(tmp_path, hands, first_frame=1))
    with pytest.raises(MotionError, match=r"hand in frame 8, but .* hands.file.first_frame=1"):
        run(tmp_path, hands)
    assumed = run(tmp_path, hands[:-2])["quality.hands_file.left"].facts["hands_assumed"]
    assert assumed[0].endswith("the first with a hand is number 1")
    with pytest.raises(MotionError, match=r"frame 1, before the video's first, which .* is 2"):
        run(tmp_path, hands, first_frame=2)


def test_error_of_the_focal_length_is_part_of_the_depth_s_sigma(tmp_path):
    hands = [found("right", k) | {"frame": k} for k in range(FRAMES)]
    sure = run(tmp_path, hands)["hands.right"].sigma_position_m
    unsure = run(tmp_path, hands, Camera(K, 640, 480, "assumed", 0.15))
    depth_m = truth("right")[:, 0, 2]
    unsure_m = unsure["hands.right"].sigma_position_m
    assert unsure_m[:, :2] == pytest.approx(sure[:, :2])
    assert unsure_m[:, 2] ** 2 - sure[:, 2] ** 2 == pytest.approx(
        (0.15**2 - 0.02**2) * depth_m**2, rel=1e-3
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pred_cam_t_full": None}, r"hand 0 has none of pred_cam_t_full.*translation in the crop"),
        ({"is_right": 2}, "side must be 'left' or 'right'"),
        ({"frame": None}, "hand 0 has none of frame, frame_idx"),
        ({"frame": "picture.png"}, "the picture's name 'picture.png' has no number"),
        ({"pred_keypoints_3d": np.zeros((1, 20, 3))}, r"joints must be finite numbers of shape"),
        ({"scaled_focal_length": "wide"}, "focal must be numbers"),
    ],
)
def test_hands_that_lack_something_are_refused(tmp_path, change, message):
    with pytest.raises(MotionError, match=message):
        run(tmp_path, [found("right", 0) | {"frame": 0} | change])


@pytest.mark.parametrize("results", [[], {}, 3, "text", [[], []]])
def test_files_without_hands_are_refused(tmp_path, results):
    with pytest.raises(MotionError, match=r"holds no hands|a list of hands is wanted"):
        run(tmp_path, results)


class Malicious:
    def __reduce__(self):
        return (print, ("run",))


def test_pickle_that_would_run_something_is_refused(tmp_path, capsys):
    with pytest.raises(MotionError, match=r"it asks for builtins.print, which is refused"):
        run(tmp_path, [Malicious()])
    assert capsys.readouterr().out == ""


def vitra(frames=FRAMES):
    T = se3.make(
        se3.exp_so3(np.linspace(0, 0.2, frames)[:, None] * [0.0, 1, 0]), np.zeros((frames, 3))
    )
    hands = {
        side: {
            "joints_worldspace": se3.apply(T, truth(side)),
            "kept_frames": np.arange(frames) != (3 if side == "left" else 5),
        }
        for side in SIDES
    }
    K_large = np.array([[1200.0, 0, 640], [0, 1200.0, 480], [0, 0, 1]])
    return {"intrinsics": K_large, "extrinsics": se3.inverse(T), **hands}


def test_episode_of_vitra_is_read_with_its_camera_s_path(tmp_path):
    np.save(tmp_path / "video.hands.npy", np.array(vitra(), dtype=object), allow_pickle=True)
    clip = a_clip(FRAMES, path=tmp_path / "video.mp4")
    out = HandsFile(HandsFileConfig()).run(clip, {"camera": CAMERA})
    np.testing.assert_allclose(out["camera"].K, [[600, 0, 320], [0, 600, 240], [0, 0, 1]])
    assert out["camera_motion"].kind == "turning"
    for side, missing in (("left", 3), ("right", 5)):
        track = out[f"hands.{side}"]
        assert np.flatnonzero(~track.valid).tolist() == [missing]
        here = track.valid
        np.testing.assert_allclose(track.joints_m[here], truth(side)[here], atol=1e-9)


def test_episode_of_vitra_that_lacks_an_array_is_refused(tmp_path):
    broken = vitra()
    del broken["left"]["kept_frames"]
    np.save(tmp_path / "video.hands.npy", np.array(broken, dtype=object), allow_pickle=True)
    with pytest.raises(MotionError, match="left lacks joints_worldspace or kept_frames"):
        read_hands(tmp_path / "video.mp4")


@pytest.mark.realdata
def test_real_episode_of_vitra_stands_where_its_own_camera_coordinates_say(shared_data, tmp_path):
    (source,) = (shared_data / "vitra_main").glob("Ego4D_*.npy")
    (tmp_path / "video.hands.npy").write_bytes(source.read_bytes())
    clip = a_clip(25, path=tmp_path / "video.mp4")
    out = HandsFile(HandsFileConfig()).run(clip, {"camera": Camera(K, 480, 368, "assumed", 0.15)})
    right = np.load(source, allow_pickle=True).item()["right"]
    assert out["hands.right"].valid.all()
    assert not out["hands.left"].valid.any()
    wanted = right["joints_camspace"]
    assert np.abs(out["hands.right"].joints_m - wanted).max() < 1e-6
