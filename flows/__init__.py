"""Prefect flows: the same calls as the command line, orchestrated."""

import importlib
import os
from typing import Any

# Before prefect is imported: no analytics, and time for a loaded machine to start a server.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")


def import_prefect() -> None:
    """Imports Prefect so that its settings come from the environment and the user's profile alone.

    It reads `.env`, `prefect.toml` and `pyproject.toml` of the current folder too, now and whenever
    settings change. There they can name programs to run and a server to send everything to, and
    that folder may be one of videos that somebody sent.
    """
    here = os.open(".", os.O_PATH)
    try:
        os.chdir("/")
        settings = importlib.import_module("prefect.settings")
        profiles = settings.get_current_settings().profiles_path
    finally:
        os.fchdir(here)
        os.close(here)
    os.environ.setdefault("PREFECT_PROFILES_PATH", str(profiles))
    base = importlib.import_module("prefect.settings.base").PrefectBaseSettings
    every = base.settings_customise_sources
    of_files = importlib.import_module("prefect.settings.sources").TomlConfigSettingsSourceBase
    dot_env = importlib.import_module("pydantic_settings").DotEnvSettingsSource

    def sources(cls: type, /, *given: object, **named: object) -> tuple[object, ...]:
        found: tuple[Any, ...] = every.__func__(cls, *given, **named)
        for source in found:
            if isinstance(source, of_files):
                source.toml_data = {}
            elif isinstance(source, dot_env):
                source.env_vars = {}
        return found

    base.settings_customise_sources = classmethod(sources)
