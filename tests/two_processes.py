"""Trains for one epoch with two processes; each writes what it saw to `<folder>/<rank>.pt`."""

import sys
from pathlib import Path

import torch
from pytorch_lightning import Trainer

from fmclust.data import DigitsDataModule
from fmclust.models import Autoencoder


class Recorder(Autoencoder):
    def on_train_start(self):
        self.seen = []

    def training_step(self, images):
        self.seen.append(images.flatten(1)[:, ::8].clone())
        return super().training_step(images)

    def on_train_end(self):
        torch.save(torch.cat(self.seen), Path(sys.argv[1]) / f"{self.global_rank}.pt")


if __name__ == "__main__":
    Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
    ).fit(
        Recorder(network="convae", image_size=[28, 28], latents=10, channels=[4, 8]),
        DigitsDataModule(batch_size=100, seed=0),
    )
