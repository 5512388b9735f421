"""Videos whose motion is known: a bright square walks, a darker one wanders by itself."""

import numpy as np

from rotoscope.models.latent_actions.data import UnlabelledSet, UnlabelledVideo

SIZE = 32
RATE_HZ = 20.0
TARGET = "track.square"


def path(seed, rows):
    """Places (time, 2), shares of the picture, that move by up to 1.5 px a frame."""
    generator = np.random.default_rng(seed)
    kernel = np.hanning(7) / np.hanning(7).sum()
    white = generator.normal(size=(rows + 12, 2))
    speed = np.stack([np.convolve(white[:, i], kernel, "same") for i in (0, 1)], 1)[6:-6]
    place = np.cumsum(0.05 * speed, axis=0)
    return 0.5 + 0.3 * np.sin(place - place.mean(0))


def draw(image, place, *, half, value):
    """Adds a square with soft edges, so that motion below a pixel shows."""
    pixel = np.arange(SIZE) + 0.5
    across, down = (np.clip(half + 0.5 - np.abs(pixel - SIZE * p), 0, 1) for p in place)
    image += (down[:, None] * across)[..., None] * value


def video(seed, *, rows=60, tracked=True, still=False, embodiment=0):
    """A video and the square's place in it; `still` shows one picture all the time."""
    place = path(seed, rows)
    other = path(seed + 1000, rows)
    if still:
        place, other = place[:1].repeat(rows, 0), other[:1].repeat(rows, 0)
    images = np.full((rows, SIZE, SIZE, 3), 40.0)
    for image, mine, its in zip(images, place, other, strict=True):
        draw(image, mine, half=3, value=np.array([180.0, 160.0, 20.0]))
        draw(image, its, half=2, value=np.array([0.0, 20.0, 60.0]))
    known = place if tracked else np.full_like(place, np.nan)
    return UnlabelledVideo(
        name=f"video {seed}",
        time_s=np.arange(rows) / RATE_HZ,
        images=np.clip(images, 0, 255).astype(np.uint8),
        targets=known,
        points=known[:, None],
        embodiment=embodiment,
    )


def dataset(num=8, **options):
    videos = tuple(video(seed, **options) for seed in range(num))
    return UnlabelledSet(videos, ("squares",), (SIZE, SIZE), (TARGET, TARGET))


def changes(made):
    """True motion into every frame but the first."""
    return np.diff(path(int(made.name.split()[-1]), len(made.time_s)), axis=0)


def told_share(model, videos):
    """Share of true motion that a linear map reads off latents, fitted on half of the videos."""
    rows, truth = [], []
    for made in videos:
        rows.append(model.embed(made.images[1:], made.images[:-1]))
        truth.append(changes(made))
    half = len(videos) // 2
    seen, wanted = np.concatenate(rows[:half]), np.concatenate(truth[:half])
    unseen, true = np.concatenate(rows[half:]), np.concatenate(truth[half:])
    mean = seen.mean(0)
    penalty = 1e-3 * np.eye(seen.shape[1]) * len(seen) * seen.var()
    centered = seen - mean
    weight = np.linalg.solve(centered.T @ centered + penalty, centered.T @ wanted)
    found = (unseen - mean) @ weight
    return 1 - ((found - true) ** 2).sum() / ((true - true.mean(0)) ** 2).sum()
