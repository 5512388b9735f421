import av
import pytest
from video_files import write_video

from rotoscope.pipeline.video.metadata import FOCAL_KEYS, focal_px_of
from rotoscope.pipeline.video.probe import probe


def test_equivalent_focal_length_refers_to_the_long_side():
    metadata = {FOCAL_KEYS[0]: "26"}
    assert focal_px_of(metadata, width=1920, height=1080) == pytest.approx(26 / 36 * 1920)
    assert focal_px_of(metadata, width=1080, height=1920) == pytest.approx(26 / 36 * 1920)


@pytest.mark.parametrize("value", ["0", "nan", "inf", "wide", "", "-26"])
def test_focal_length_that_cannot_be_meant_is_not_used(value):
    assert focal_px_of({FOCAL_KEYS[0]: value}, width=1920, height=1080) is None


def test_focal_length_is_found_in_a_file(tmp_path):
    plain = write_video(tmp_path / "plain.mp4", size=(320, 240))
    assert probe(plain).focal_px is None
    path = tmp_path / "phone.mov"
    with (
        av.open(str(plain)) as source,
        av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        target.metadata[FOCAL_KEYS[0]] = "27"
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    assert probe(path).focal_px == pytest.approx(27 / 36 * 320)
