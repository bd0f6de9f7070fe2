"""The losses of every epoch as one figure."""

from collections import defaultdict

from pytorch_lightning import LightningModule, Trainer

from fmclust.callbacks.base import RunCallback, losses_of
from fmclust.evaluation import publish
from fmclust.plots import draw_losses


class LossCurves(RunCallback):
    """Keeps `loss/*` of every epoch and draws them after training (the paper, section 5.2)."""

    def __init__(self) -> None:
        self.losses: dict[str, list[float]] = defaultdict(list)

    def state_dict(self) -> dict[str, list[float]]:
        return dict(self.losses)

    def load_state_dict(self, state_dict: dict[str, list[float]]) -> None:
        self.losses.update(state_dict)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, value in losses_of(trainer).items():
            self.losses[name].append(value)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            figure = draw_losses(self.losses, pl_module.hparams["loss"])
            publish(self.run, None, "losses", figure, trainer.global_step)
