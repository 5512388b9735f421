"""Importing this module imports mediapipe, once for all the children of a fork server."""

from rotoscope.models.perception.mediapipe_import import import_mediapipe

import_mediapipe()
