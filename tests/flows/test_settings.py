"""What lies where the user stands sets nothing of Prefect's: it could name programs and servers."""

import os
import subprocess
from pathlib import Path

import pytest

from rotoscope.pipeline.processes import safe_python

ROOT = Path(__file__).parents[2]
PROBE = """
from rotoscope.flows import import_prefect
import_prefect()
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings
def show():
    found = get_current_settings()
    print(found.logging.config_path, found.home, found.api.key and found.api.key.get_secret_value())
    print(found.profiles_path)
show()
with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
    show()
"""
FILES = {
    ".env": "PREFECT_LOGGING_SETTINGS_PATH=evil\nPREFECT_HOME=evil\nPREFECT_API_KEY=evil\n"
    "PREFECT_LOGGING_CONFIG_PATH=evil\nPREFECT_PROFILES_PATH=evil\n",
    "prefect.toml": 'home = "evil"\nprofiles_path = "evil"\n'
    '[api]\nkey = "evil"\n[logging]\nconfig_path = "evil"\n',
    "pyproject.toml": '[tool.prefect]\nhome = "evil"\nprofiles_path = "evil"\n'
    '[tool.prefect.api]\nkey = "evil"\n[tool.prefect.logging]\nconfig_path = "evil"\n',
}


@pytest.mark.parametrize("name", FILES)
def test_settings_come_from_the_environment_and_the_profile_alone(tmp_path, monkeypatch, name):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    (tmp_path / name).write_text(FILES[name])
    monkeypatch.chdir(tmp_path)
    assert said().count(str(tmp_path / "home")) == 6
    assert "evil" not in said()


def test_the_environment_still_counts(monkeypatch):
    monkeypatch.setenv("PREFECT_API_KEY", "of-the-user")
    assert said().count("of-the-user") == 2


def said() -> str:
    command = [*safe_python(), "-c", PROBE]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
