"""Importing this module loads mediapipe, once for all the children of a fork server.

Its native library too: on loading it starts no thread, and in every child that takes 30 ms.
"""

import importlib

from rotoscope.models.perception.mediapipe_import import import_mediapipe

import_mediapipe()
importlib.import_module("mediapipe.tasks.python.core.mediapipe_c_bindings").load_raw_library()
