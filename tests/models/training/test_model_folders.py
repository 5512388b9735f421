"""Folders of trained models: their files lie in them, or none is read."""

import pytest
from opened_files import Opened

from rotoscope.models.inverse_dynamics.encoders import encoder_digest
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.inverse_dynamics.labeler_facts import LABELER_FOLDER
from rotoscope.models.latent_actions.model import load_latent
from rotoscope.models.policy.bc_policy import load_bc_policy
from rotoscope.models.policy.lerobot_facts import read_facts
from rotoscope.models.policy.lerobot_policy import find_checkpoint, load_lerobot
from rotoscope.models.states.folder import STATES_FOLDER, load_states
from rotoscope.pipeline.errors import UsageError

READERS = {
    load_labeler: ("labeler.yaml", "model.safetensors", "metrics.json"),
    LABELER_FOLDER.digest: ("labeler.yaml", "model.safetensors"),
    load_latent: ("latent.yaml", "model.safetensors", "metrics.json"),
    load_bc_policy: ("policy.yaml", "model.safetensors", "metrics.json"),
    load_states: ("states.yaml", "model.safetensors"),
    STATES_FOLDER.digest: ("states.yaml", "model.safetensors"),
    read_facts: ("rotoscope.yaml",),
    find_checkpoint: ("config.json", "model.safetensors"),
    load_lerobot: ("config.json", "model.safetensors", "policy_preprocessor.json", "any/thing"),
}
CASES = [(read, name) for read, names in READERS.items() for name in names]


@pytest.fixture
def secret(tmp_path):
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "key").write_text("root:x:0:0:root")
    return folder


@pytest.mark.parametrize(("read", "name"), CASES)
def test_links_out_of_a_models_folder_are_refused(tmp_path, secret, read, name):
    folder = tmp_path / "model"
    for other in READERS[read]:
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        if other != name:
            (folder / other).write_text("version: 1")
    (folder / name).symlink_to(secret / "key")
    with Opened(secret) as opened, pytest.raises(UsageError, match="leads out of model"):
        read(folder)
    assert opened.names == []


def test_the_encoder_of_a_linked_folder_is_refused(tmp_path, secret):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "latent.yaml").symlink_to(secret / "key")
    with Opened(secret) as opened, pytest.raises(UsageError, match="leads out of model"):
        encoder_digest(f"latent:{tmp_path / 'model'}")
    assert opened.names == []


def test_lerobots_link_to_its_last_checkpoint_is_followed(tmp_path):
    last = tmp_path / "run" / "checkpoints" / "000100" / "pretrained_model"
    last.mkdir(parents=True)
    (last.parents[1] / "last").symlink_to("000100")
    for name in ("config.json", "model.safetensors"):
        (last / name).touch()
    found = find_checkpoint(tmp_path / "run")
    assert found is not None
    assert found.resolve() == last.resolve()
    assert find_checkpoint(tmp_path / "run" / "checkpoints") is None


def test_a_policy_in_the_hubs_cache_is_found(tmp_path):
    repository = tmp_path / "models--someone--act"
    snapshot = repository / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for name in ("config.json", "model.safetensors"):
        (repository / "blobs" / name[:3]).touch()
        (snapshot / name).symlink_to(f"../../blobs/{name[:3]}")
    assert find_checkpoint(snapshot) == snapshot
