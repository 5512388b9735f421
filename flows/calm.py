"""What Prefect prints where its server is away would be hundreds of lines; sentences are enough."""

from __future__ import annotations

import importlib
import logging


def make_calm() -> None:
    """Of what Prefect prints, only sentences: no tracebacks, and nothing of its own workings.

    What it tells its server is left alone.
    """
    # Prefect's handlers are there only when this was called; again, it leaves them alone.
    importlib.import_module("prefect.logging.configuration").setup_logging()
    logging.raiseExceptions = False
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for handler in {h for logger in loggers for h in logger.handlers}:
        if isinstance(handler, logging.StreamHandler) or "Console" in type(handler).__name__:
            handler.addFilter(_is_sentence)


def _is_sentence(record: logging.LogRecord) -> bool:
    inner = record.name.startswith(("prefect.events", "prefect._internal"))
    return not (inner or record.exc_info)
