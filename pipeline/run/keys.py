"""Content keys of everything a video gives under a recipe, before anything runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from rotoscope.pipeline.assets import asset_digest
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.files.identity import Identity
from rotoscope.pipeline.packages import version_of
from rotoscope.pipeline.recipe import Recipe, StageEntry
from rotoscope.pipeline.stage import FrameStage, feeds
from rotoscope.pipeline.store.store import content_key

FRAMES_VERSION = "3"
"""Bump when the same file gives other frames, frame times or facts (`rotoscope.pipeline.video`,
`rotoscope.pipeline.sources`): stages are keyed by it through the clock."""
EPISODES_VERSION = "5"
"""Bump when the same tracks give other episodes (`rotoscope.pipeline.episodes.assemble`,
`rotoscope.pipeline.episodes`) or other pictures of them (`rotoscope.pipeline.export.render`,
`rotoscope.pipeline.video.encode`)."""


@dataclass(frozen=True)
class Keys:
    """Store keys of one video under one recipe."""

    clock: str
    """Frame times."""
    stages: dict[str, str]
    """Tracks of each stage, by stage name."""
    episodes: str
    """Index of the episodes."""


def stage_tokens(recipe: Recipe) -> dict[str, str]:
    """What changes each stage's output beyond config and version: assets, packages, files.

    Raises:
        AssetError: An asset was not fetched.
    """
    return {entry.name: _token(entry) for entry in recipe.stages}


def _token(entry: StageEntry) -> str:
    found = entry.stage_class
    assets = [f"{name}:{asset_digest(name)}" for name in found.assets]
    packages = [f"{name}=={version_of(name)}" for name in found.packages]
    with _Naming(entry.name):
        files = entry.build().cache_token()
    return " ".join(filter(None, [*assets, *packages, files]))


class _Naming:
    """An error that nobody raised on purpose says at its end of which stage it is.

    This is the one place where a stage's own code runs outside of a child, which would blame it.
    """

    def __init__(self, stage: str) -> None:
        self.stage = stage

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, RotoscopeError):
            error.add_note(f"in stage {self.stage!r} of the recipe, before the first video")


def video_keys(
    recipe: Recipe, sha256: str, tokens: dict[str, str], identity: Identity | None = None
) -> Keys:
    """The keys of a video: change one setting, and only what depends on it gets another key.

    Args:
        recipe: The recipe.
        sha256: Stands for the video and all that is read with it.
        tokens: What `stage_tokens` gave.
        identity: Tells apart the video itself and what stages read beside it, so that another
            file there changes only the stages that read it and those that follow.
    """
    own_sha256 = (identity.own_sha256 if identity else "") or sha256
    beside = dict(identity.beside) if identity else {}
    clock = content_key(
        {
            "kind": "clock",
            "version": FRAMES_VERSION,
            "video": own_sha256,
            "backend": recipe.video.backend,
            "decoders": {name: version_of(name) for name in _decoders(recipe)},
        }
        | ({} if recipe.video.image_rate_hz is None else {"rate": recipe.video.image_rate_hz})
        | ({"mirrored": True} if recipe.is_mirrored else {})
    )
    stages: dict[str, str] = {}
    split = _split_key(recipe, clock)
    for entry in recipe.stages:
        is_frame_stage = issubclass(entry.stage_class, FrameStage)
        inputs = [
            stages[earlier.name]
            for earlier in recipe.stages
            if earlier.name in stages and _feeds(earlier, entry)
        ]
        stages[entry.name] = content_key(
            {
                "kind": entry.stage_class.kind,
                "video": own_sha256,
                "name": entry.name,
                "version": entry.stage_class.version,
                "config": entry.config.model_dump(mode="json"),
                "token": " ".join(filter(None, [tokens[entry.name], beside.get(entry.name)])),
                "source": entry.source_checksum,
                # Frame stages see the whole video; clip stages depend on where it is cut.
                "inputs": [clock if is_frame_stage else split, *inputs],
            }
        )
        if "shots" in entry.stage_class.provides:
            split = _split_key(recipe, stages[entry.name])
    episodes = content_key(
        {
            "kind": "episodes",
            "version": EPISODES_VERSION,
            "video": sha256,
            "inputs": [split, *stages.values()],
            "export": recipe.export.model_dump(mode="json"),
            "labeler": recipe.action,
            "task": recipe.task,
        }
    )
    return Keys(clock=clock, stages=stages, episodes=episodes)


def _split_key(recipe: Recipe, key: str) -> str:
    """Stands for where a video is cut: by its clock, and by what stands behind `key`."""
    return content_key({"kind": "split", "by": key, "max_gap_s": recipe.video.max_gap_s})


def outcome_key(
    recipe: Recipe,
    sha256: str,
    tokens: dict[str, str],
    until: str = "",
    identity: Identity | None = None,
) -> str:
    """The key of what became of a video: another one where anything that it is made of has one."""
    keys = video_keys(recipe, sha256, tokens, identity)
    return content_key({"kind": "outcome", "video": sha256, "keys": asdict(keys), "until": until})


def _decoders(recipe: Recipe) -> tuple[str, ...]:
    """Packages that decode, and encode, under a recipe; a motion file needs none."""
    if recipe.source != "video":
        return ()
    return ("av", "decord") if recipe.video.backend == "decord" else ("av",)


def _feeds(earlier: StageEntry, entry: StageEntry) -> bool:
    return any(
        feeds(given, need)
        for given in earlier.stage_class.provides
        for need in entry.stage_class.requires + entry.stage_class.uses
    )
