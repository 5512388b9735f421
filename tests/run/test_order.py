"""Which videos go together, and in which order."""

import os

import pytest

from rotoscope.pipeline.run.order import END_BYTES, MOST_TOGETHER, queues, shards
from rotoscope.pipeline.run.plan import Work
from rotoscope.pipeline.video.scan import Found


@pytest.fixture
def works(tmp_path):
    def works(*contents):
        made = []
        for number, content in enumerate(contents):
            path = tmp_path / f"{number:04d}.mp4"
            path.write_bytes(content)
            made.append(Work(Found(path=path, name=path.name)))
        return made

    return works


def names(group):
    return [work.found.name for work in group]


def test_largest_comes_first_and_equal_bytes_follow_one_another(works):
    found = queues(works(b"aa", b"bbbb", b"cc", b"aa"))
    assert [names(queue) for queue in found] == [
        ["0001.mp4"],
        ["0000.mp4", "0003.mp4"],
        ["0002.mp4"],
    ]


def test_files_that_differ_before_their_last_bytes_may_be_the_same(works):
    end = b"e" * END_BYTES
    assert len(queues(works(b"a" + end, b"b" + end))) == 1


def test_what_is_no_file_any_more_holds_nobody_up(works, tmp_path):
    made = works(b"aa", b"bb", b"cc")
    made[0].found.path.unlink()
    made[1].found.path.unlink()
    os.mkfifo(made[1].found.path)
    found = [name for queue in queues(made) for name in names(queue)]
    assert sorted(found) == ["0000.mp4", "0001.mp4", "0002.mp4"]


def test_every_video_is_in_one_shard(works):
    made = works(*(b"%d" % k for k in range(200)))
    found = shards(made, workers=2)
    assert sorted(name for shard in found for name in names(shard.works)) == names(made)
    assert max(len(shard.works) for shard in found) == 13  # 200 videos, eight shards a worker
    assert shards([], workers=2) == []


def test_many_short_videos_share_a_task_but_never_too_many(works):
    found = shards(works(*(b"%d" % k for k in range(1000))), workers=1)
    assert max(len(shard.works) for shard in found) == MOST_TOGETHER


def test_long_video_has_a_task_of_its_own_beside_short_ones(works):
    found = shards(works(*(b"%d" % k for k in range(64)), b"x" * 10_000), workers=1)
    assert names(found[0].works) == ["0064.mp4"]
    assert max(len(shard.works) for shard in found) > 1


def test_equal_bytes_are_in_one_shard_however_many(works):
    found = shards(works(*[b"same"] * 5, b"other"), workers=4)
    assert sorted(len(shard.works) for shard in found) == [1, 5]


def test_shard_is_called_by_its_first_video(works):
    (shard,) = shards(works(b"same", b"same"), workers=1)
    assert shard.title == "0000.mp4 and 1 more"
