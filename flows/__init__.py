"""Prefect flows: the same calls as the command line, orchestrated."""

import os

# Before prefect is imported: no analytics, and time for a loaded machine to start a server.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
