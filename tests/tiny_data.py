"""Small datasets whose action is a known function of the state, true or mixed with nonsense."""

import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

FPS = 20


def contract(discrete=False):
    plain = Dimension(name="push", quantity="position", unit="m", lower=-5, upper=5)
    choice = Dimension(name="side", quantity="discrete", unit="1", lower=0, upper=1)
    return ActionContract(
        robot="point",
        dimensions=(plain, choice) if discrete else (plain,),
        rate_hz=FPS,
        shift_s=0,
        is_state=False,
    )


def picture(state, side=32):
    image = np.full((side, side, 3), 40, np.uint8)
    at = int(np.clip((state[0] + 2) / 4 * (side - 8), 0, side - 8))
    image[12:20, at : at + 8] = 220
    return image


def rows_of(number, rows=40, *, discrete=False, bad=(), confidence=None):
    generator = np.random.default_rng(number)
    steps = generator.normal(size=(rows, 2)) * 0.2
    state = np.clip(np.cumsum(steps, axis=0) + generator.uniform(-1, 1, 2), -2, 2)
    action = (state[:, :1] * 2 - state[:, 1:]).astype(float)
    if discrete:
        action = np.concatenate([action, (state[:, :1] > 0).astype(float)], axis=1)
    valid = np.ones(rows, bool)
    for start, end in bad:
        action[start:end], valid[start:end] = 0 if discrete else 999.0, False
    return Rows(
        name=f"tiny-{number}",
        task="hold the point",
        actions=action,
        valid=valid,
        confidence=np.full(rows, 0.9) if confidence is None else confidence,
        state=state,
    )


def publish(out, episodes, *, discrete=False, camera="", size=32):
    columns = StateColumns(("x", "y"), "m", "Where the point is.")
    with DatasetRecorder(contract(discrete), columns, camera=camera) as recorder:
        for rows in episodes:
            encoder = None
            if camera:
                encoder = recorder.encoder(picture(rows.state[0], size))
                with encoder:
                    for state in rows.state:
                        encoder.add(picture(state, size))
            recorder.add(rows, encoder)
        recorder.publish(out, made_by="a test")
    return out
