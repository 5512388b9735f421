"""Small datasets in which a hand goes to a thing and carries it, or does not."""

import carried_paths
import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

FPS = 20
CAMERA = "observation.images.front"


def stopped(rows=50, *, at=0.6, seed=7):
    """Stops on the way."""
    out = carried_paths.carried(rows, seed=seed)
    out[int(at * rows) :] = out[int(at * rows)]
    return out


def picture(state, side=64):
    """A hand, white, and a thing, red, seen from above."""
    image = np.full((side, side, 3), 30, np.uint8)
    for (x, y), color in ((state[2:], (220, 30, 30)), (state[:2], (240, 240, 240))):
        left, top = int(4 + x * 20), int(20 + y * 20)
        image[top : top + 12, left : left + 12] = color
    return image


def publish(out, episodes, *, camera="", names=carried_paths.NAMES):
    """A dataset of these paths, without any true action."""
    push = Dimension(name="push", quantity="position", unit="m", lower=-5, upper=5)
    contract = ActionContract(
        robot="point", dimensions=(push,), rate_hz=FPS, shift_s=0, is_state=False
    )
    told = StateColumns(names, "m", "Where hand and thing are.")
    with DatasetRecorder(contract, told, camera=camera) as recorder:
        for number, state in enumerate(episodes):
            encoder = recorder.encoder(picture(state[0])) if camera else None
            if encoder is not None:
                with encoder:
                    for row in state:
                        encoder.add(picture(row))
            recorder.add(
                Rows(
                    name=f"carry-{number}",
                    task="carry the thing",
                    actions=np.zeros((len(state), 1)),
                    valid=np.zeros(len(state), bool),
                    confidence=np.zeros(len(state)),
                    state=state,
                ),
                encoder,
            )
        recorder.publish(out, made_by="a test")
    return out
