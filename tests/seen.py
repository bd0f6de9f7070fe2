"""A callback of a user's own: what each process trained on, in `<rank>.pt` of the run directory."""

from pathlib import Path

import torch
from pytorch_lightning import Callback


class SeenImages(Callback):
    def on_train_start(self, trainer, module) -> None:
        self.seen = []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        self.seen.append(batch.flatten(1)[:, ::8].clone())

    def on_train_end(self, trainer, module) -> None:
        path = Path(trainer.default_root_dir) / f"{trainer.global_rank}.pt"
        torch.save(torch.cat(self.seen), path)
