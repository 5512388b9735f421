"""Only our own files are replaced: what the user keeps in a dataset's folder stays, as it is."""

import contextlib
import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.card_edits import MARK, CardEdits, join_card, split_card
from rotoscope.pipeline.export.manifest import MANIFEST, OTHER_CARD
from rotoscope.pipeline.export.replacing import dataset_folder
from rotoscope.pipeline.export.standing import look_at
from rotoscope.pipeline.files import atomic

HEAD = "---\ntags:\n- rotoscope\n---\n"


def card(version):
    return f"{HEAD}# Dataset {version}\n\n{MARK}\n"


def write(out, version, extra=(), **options):
    """A small stand-in for a dataset: what matters here are its names and bytes."""
    with dataset_folder(out, **options) as root:
        for name in ("meta/info.json", "meta/rotoscope/provenance.json", "data/a.parquet", *extra):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f"{name} {version}")
        (root / "README.md").write_text(card(version))


@pytest.fixture
def out(tmp_path):
    write(tmp_path / "out", 1, ["data/old.parquet", "videos/front/a.mp4"])
    return tmp_path / "out"


def tree(folder):
    """Name -> kind and content of everything below."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        else:
            found[name] = ("folder", "") if path.is_dir() else ("file", path.read_bytes())
    return found


def test_what_is_not_ours_is_kept_with_links_modes_times_and_inodes(out, tmp_path):
    secret = tmp_path / "elsewhere"
    secret.write_text("not to be touched")
    (out / "my_policy").mkdir(mode=0o750)
    (out / "my_policy" / "weights").write_bytes(b"w")
    (out / "my_policy" / "locked").mkdir()
    (out / "my_policy" / "locked" / "x").write_text("x")
    (out / "my_policy" / "locked").chmod(0o500)
    (out / "my_policy" / "weights").chmod(0o600)
    (out / "data" / "notes.txt").write_text("row 7 is odd")
    (out / "empty").mkdir()
    (out / "link").symlink_to(secret)
    (out / "dangling").symlink_to("nowhere")
    (out / os.fsdecode(b"name\xff")).write_text("odd name")
    os.mkfifo(out / "pipe")
    os.utime(out / "my_policy", ns=(10**18, 10**18))
    out.chmod(0o711)
    before = {
        name: os.lstat(out / name) for name in ("my_policy/weights", "data/notes.txt", "pipe")
    }
    write(out, 2)
    assert {name: os.lstat(out / name).st_ino for name in before} == {
        name: status.st_ino for name, status in before.items()
    }
    assert (out / "my_policy" / "weights").stat().st_mode & 0o777 == 0o600
    assert (out / "my_policy").stat().st_mode & 0o777 == 0o750
    assert (out / "my_policy").stat().st_mtime_ns == 10**18
    assert (out / "my_policy" / "locked").stat().st_mode & 0o777 == 0o500
    assert out.stat().st_mode & 0o777 == 0o711
    assert os.readlink(out / "link") == str(secret)
    assert os.readlink(out / "dangling") == "nowhere"
    assert (out / "empty").is_dir()
    assert (out / os.fsdecode(b"name\xff")).read_text() == "odd name"
    assert (out / "data" / "a.parquet").read_text() == "data/a.parquet 2"
    assert not (out / "data" / "old.parquet").exists()
    assert not (out / "videos").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["elsewhere", "out"]
    (out / "my_policy" / "locked").chmod(0o700)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM])
def test_where_there_are_no_hard_links_the_users_files_are_copied(out, monkeypatch, number):
    (out / "notes").write_text("mine")
    (out / "link").symlink_to("notes")
    os.utime(out / "notes", ns=(10**18, 10**18))

    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    write(out, 2)
    assert (out / "notes").read_text() == "mine"
    assert (out / "notes").stat().st_mtime_ns == 10**18
    assert os.readlink(out / "link") == "notes"


def test_users_file_in_the_way_of_a_new_one_is_refused_and_named(out):
    (out / "data" / "b.parquet").write_text("mine")
    (out / "extra").write_text("mine too")
    before = tree(out)
    with pytest.raises(DatasetError, match=r"in the way in .*'data/b.parquet', 'extra'; move"):
        write(out, 2, ["data/b.parquet", "extra/file"])
    assert tree(out) == before


@pytest.mark.parametrize("kind", ["other bytes", "a link", "a folder that is a link"])
def test_file_of_ours_that_was_changed_is_refused_and_named(out, tmp_path, kind):
    path = out / "data" / "a.parquet"
    if kind == "other bytes":
        path.write_text("data/a.parquet X")
    elif kind == "a link":
        path.rename(tmp_path / "moved")
        path.symlink_to(tmp_path / "moved")
    else:
        (out / "data").rename(tmp_path / "moved")
        (out / "data").symlink_to(tmp_path / "moved")
    before = tree(tmp_path)
    with pytest.raises(DatasetError, match=r"'data.*move .*away"):
        write(out, 2)
    assert tree(tmp_path) == before


def test_damaged_manifest_is_refused(out):
    (out / MANIFEST).write_text('{"format": 1, "files": ["x"]}')
    with pytest.raises(DatasetError, match="not a manifest of format 1"):
        write(out, 2)
    (out / MANIFEST).unlink()
    (out / MANIFEST).symlink_to("/dev/zero")
    with pytest.raises(DatasetError, match="not a manifest of format 1"):
        look_at(out)


def test_file_that_the_user_removed_comes_back(out):
    (out / "data" / "a.parquet").unlink()
    write(out, 2)
    assert (out / "data" / "a.parquet").read_text() == "data/a.parquet 2"


def test_dataset_without_manifest_keeps_what_our_format_does_not_name(out):
    (out / MANIFEST).unlink()
    for name in ("data/chunk-000/file-000.parquet", "videos/x/chunk-000/file-000.mp4", "notes"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("old")
    (out / "data" / "a.parquet").unlink()
    write(out, 2)
    assert (out / "notes").exists()
    assert not (out / "videos" / "x").exists()
    assert not (out / "data" / "chunk-000").exists()
    # Whether the user wrote in it cannot be told.
    assert (out / "README.md").read_text() == card(1)
    assert (out / OTHER_CARD).read_text() == card(2)


def test_license_in_the_head_and_words_below_the_mark_move_to_the_next_card(out):
    head = HEAD.replace("tags", "license: mit\nlanguage:\n- en\ntags")
    edited = card(1).replace(HEAD, head) + "\n## Thanks\r\nto \xe9\n"
    (out / "README.md").write_bytes(edited.encode("latin-1"))
    for version in (2, 3):
        write(out, version)
        assert (out / "README.md").read_bytes().decode("latin-1") == (
            "---\ntags:\n- rotoscope\nlicense: mit\nlanguage:\n- en\n---\n"
            f"# Dataset {version}\n\n{MARK}\n\n## Thanks\r\nto \xe9\n"
        )
        assert look_at(out).changed == ()


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("# Dataset", "# My dataset"),
        lambda text: text.replace(MARK, ""),
        lambda text: text.replace("- rotoscope", "- rotoscope\n- cups"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "",
    ],
)
def test_card_changed_elsewhere_stays_and_ours_is_beside_it(out, edit):
    mine = edit(card(1)).encode()
    (out / "README.md").write_bytes(mine)
    for version in (2, 3):
        write(out, version)
        assert (out / "README.md").read_bytes() == mine
        assert (out / OTHER_CARD).read_text() == card(version)


def test_card_is_kept_where_the_new_dataset_has_none(out):
    with (out / "README.md").open("a") as file:
        file.write("mine\n")
    with dataset_folder(out) as root:
        (root / "data").mkdir(parents=True)
        (root / "data" / "a.parquet").write_text("2")
    assert (out / "README.md").read_text() == card(1) + "mine\n"


@given(
    keys=st.lists(
        st.sampled_from(["license: mit", "language:\n- en", "x-y:  |\n  a"]), unique=True
    ),
    below=st.binary(max_size=20),
)
def test_split_and_joined_card_is_itself(keys, below):
    edits = CardEdits("".join(k + "\n" for k in keys).encode(), below)
    own, empty = split_card(card(1).encode())
    assert (own, empty) == (card(1).encode(), CardEdits())
    assert split_card(join_card(own, edits)) == (own, edits)


@pytest.mark.parametrize("is_there", [True, False])
def test_target_of_a_link_is_replaced_and_the_link_stays(out, tmp_path, is_there):
    place = out if is_there else tmp_path / "later" / "place"
    (tmp_path / "link").symlink_to(place)
    write(tmp_path / "link", 2)
    assert (tmp_path / "link").is_symlink()
    assert (place / "data" / "a.parquet").read_text() == "data/a.parquet 2"
    assert not place.is_symlink()


def test_link_to_itself_is_refused(tmp_path):
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(DatasetError, match="round in a circle"):
        write(tmp_path / "link", 1)
    assert (tmp_path / "link").is_symlink()


def test_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatasetError, match="cannot be written"):
        write(tmp_path / "file" / "out", 1)
    with pytest.raises(DatasetError, match="File name too long"):
        write(tmp_path / ("x" * 300), 1)


@pytest.mark.parametrize("is_there", [True, False])
def test_dataset_that_another_run_published_in_between_is_not_replaced(tmp_path, is_there):
    out = tmp_path / "out"
    if is_there:
        write(out, 1)

    def overtake():
        with dataset_folder(out) as root:
            write(out, 3)
            write(root, 2)

    with pytest.raises(DatasetError, match="changed while this dataset was written"):
        overtake()
    assert (out / "data" / "a.parquet").read_text() == "data/a.parquet 3"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_file_that_appears_while_we_write_is_kept(out):
    with dataset_folder(out) as root:
        (out / "late").write_text("late")
        (root / "data").mkdir(parents=True)
    assert (out / "late").read_text() == "late"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("is_old_disk", [False, True])
def test_killed_at_any_moment_old_or_new_stands_whole_with_the_users_files(
    tmp_path, is_old_disk, monkeypatch
):
    """Kills a writer before each of its steps in turn, forked so that each costs little."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    out = tmp_path / "out"
    seen = set()
    for step in range(1, 200):
        atomic.remove(out)
        write(out, 1)
        (out / "notes").write_text("mine")
        is_over = _killed_before_step(out, step, is_old_disk=is_old_disk)
        if not out.exists():
            assert is_old_disk
            seen.add("neither")
        else:
            seen.add((out / "data" / "a.parquet").read_text())
            assert not look_at(out).changed
            assert not look_at(out).missing
            assert (out / "notes").read_text() == "mine"
        write(out, 3)
        assert (out / "notes").read_text() == "mine"
        assert (out / "data" / "a.parquet").read_text() == "data/a.parquet 3"
        assert [p.name for p in tmp_path.iterdir()] == ["out"]
        if is_over:
            break
    assert seen == {"data/a.parquet 1", "data/a.parquet 2"} | (
        {"neither"} if is_old_disk else set()
    )


def _killed_before_step(out, step, *, is_old_disk):
    """Whether the writer came to its end before that step."""
    child = os.fork()
    if child == 0:
        left = [step]

        def counted(function):
            def call(*args, **kwargs):
                left[0] -= 1
                if left[0] == 0:
                    os._exit(9)
                return function(*args, **kwargs)

            return call

        for name in ("link", "fsync", "rename", "unlink", "rmdir"):
            setattr(os, name, counted(getattr(os, name)))
        exchange = (lambda a, b: False) if is_old_disk else atomic._exchange
        atomic._exchange = counted(exchange)
        with contextlib.suppress(BaseException):
            write(out, 2)
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9)
    return code == 0
