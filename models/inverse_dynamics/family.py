"""Inverse dynamics behind the one interface of labelers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from rotoscope.models.inverse_dynamics import labeler
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.encoders import check_encoder, encoder_token
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.labeler_facts import LABELER_FOLDER
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.labelers.labeler import Labeler, LabelerConfig
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.data import LabeledSet, UnlabelledEpisode
from rotoscope.models.training.loop import check_loop

if TYPE_CHECKING:
    from rotoscope.models.training.events import TrainListener


class InverseDynamics(Labeler):
    """Infers the action between what was seen before and after, with calibrated 90 % intervals.

    With `encoder=latent:FOLDER` it is the decoder of a latent action model.
    """

    kind = "inverse_dynamics"
    stage = "rotoscope.models.inverse_dynamics.stage:InverseDynamics"
    Config: ClassVar[type[LabelerConfig]] = InverseDynamicsConfig
    config: InverseDynamicsConfig

    def __init__(self, trained: labeler.Labeler) -> None:
        super().__init__(trained.facts.config, trained.facts.contract)
        self.ensemble = trained
        self.facts, self.metrics = trained.facts, trained.metrics

    @classmethod
    def check_settings(cls, config: Any) -> None:
        """Refuses an encoder that is unknown or tells nothing, or a device that is absent."""
        super().check_settings(config)
        check_encoder(config.image_network, config)
        if config.has_networks:
            check_loop(config.loop)

    @classmethod
    def train(
        cls, data: LabeledSet, config: Any, out: Path, *, listener: TrainListener | None = None
    ) -> Self:
        """Trains an ensemble; goes on where a killed training stopped."""
        return cls(train_inverse_dynamics(data, config, out, listener=listener))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """A trained ensemble from its folder."""
        return cls(labeler.load_labeler(folder))

    @classmethod
    def digest(cls, folder: Path) -> str:
        """Hash of the folder, and of the encoder that it names.

        Raises:
            UsageError: The encoder changed since training.
        """
        trained = labeler.load_labeler(folder)
        digest = LABELER_FOLDER.digest(folder)
        if not trained.facts.camera:
            return digest
        _ = trained.encoder
        return f"{digest} {encoder_token(trained.facts.config.image_network)}"

    def setup(self) -> None:
        """One thread, so that processes side by side do not fight."""
        self.ensemble = replace(self.ensemble, device=self.device)
        if self.config.has_networks or self.config.camera:
            import torch

            torch.set_num_threads(1)

    def label(self, episode: UnlabelledEpisode) -> Labels:
        """Actions of the rows whose window is known."""
        found, known = infer_episode(self.ensemble, episode)
        return found.spread_over(known)
