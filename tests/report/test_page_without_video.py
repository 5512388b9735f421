"""The report of a dataset without pictures shows a figure, or says that there is no video."""

import base64
import dataclasses
import io
import re

import numpy as np
from PIL import Image

from benchmarks._small_dataset import episode, job_for
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.episodes.body_columns import BODY_JOINT_NAMES
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.export.publish import publish_in_child
from rotoscope.pipeline.export.stored_episode import save_episode
from rotoscope.pipeline.report.figure import LEFT
from rotoscope.pipeline.report.page import write_report
from rotoscope.pipeline.report.pictures import people


def with_body(made):
    joints = np.random.default_rng(0).normal(size=(made.num_rows, 21, 3)).astype(np.float32)
    joints[:, 5] = np.nan
    contact = np.arange(made.num_rows)[:, None] % 20 < [10, 5]
    body = {
        "track.body.joints": Feature(joints.reshape(-1, 63), BODY_JOINT_NAMES, "m", "Joints."),
        "track.body.contact": Feature(contact, ("left", "right"), "1", "On the ground."),
    }
    scene = {"robot": "two_link", "body_frame": "source"}
    return dataclasses.replace(made, features=made.features | body, scene=scene)


def sheet_of(page):
    found = re.search(r"data:image/jpeg;base64,([^\"]+)", page)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found.group(1)))), int)


def has_left_limbs(image):
    return bool((np.abs(image - LEFT).max(axis=2) < 40).any())


def test_body_is_drawn_as_a_figure_with_strips_for_the_feet(tmp_path):
    stored = save_episode(tmp_path / "episode", with_body(episode(0, rows=60)))
    publish_in_child(job_for([stored], tmp_path / "dataset"))
    write_report(tmp_path / "dataset", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert has_left_limbs(sheet_of(page))
    assert "left foot on ground" in page
    assert "motion files" in page
    assert "data:image/webp;base64," in page


def test_without_a_body_the_picture_says_so(tmp_path):
    dataset = Dataset(tmp_path, {"features": {"action": {"dtype": "float32"}}}, [], {})
    rows = EpisodeRows(0, {"frame_index": np.arange(3)}, None, 0.0, {})
    pictures = list(people(dataset, rows, [0, 2], width=160, height=120))
    assert [p.shape for p in pictures] == [(120, 160, 3)] * 2
    assert not has_left_limbs(pictures[0].astype(int))
    assert pictures[0].std() > 0
