"""A callback of a user's own: what each process trained on, in `<rank>.pt` of the run directory."""

from pathlib import Path

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor


class SeenImages(Callback):
    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.seen: list[Tensor] = []

    def on_train_batch_end(
        self,
        trainer: Trainer,
        module: LightningModule,
        outputs: object,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        self.seen.append(batch.flatten(1)[:, ::8].clone())

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        path = Path(trainer.default_root_dir) / f"{trainer.global_rank}.pt"
        torch.save(torch.cat(self.seen), path)
