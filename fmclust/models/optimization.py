"""Optimizers and learning rate schedules by name."""

from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

from fmclust.errors import require_number, require_option

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SCHEDULES: dict[str, Callable[[Optimizer, int], LRScheduler]] = {  # of (optimizer, n_steps)
    "constant": lambda optimizer, _n_steps: ConstantLR(optimizer, factor=1.0),
    "cosine": CosineAnnealingLR,
    "onecycle": lambda optimizer, n: OneCycleLR(optimizer, optimizer.defaults["lr"], n + 1),
}


class Optimization:
    """Optimizer and learning rate schedule of an encoder.

    Args:
        optimizer: `adam` or `adamw`.
        lr: Maximum learning rate.
        weight_decay: Weight decay of the optimizer.
        schedule: Learning rate over all steps of training: `constant`; `cosine`, from `lr` to
            zero; `onecycle`, up to `lr` and then down to zero (https://arxiv.org/abs/1708.07120).

    Raises:
        UserError: If an option is unknown or a number out of range.
    """

    def __init__(self, *, optimizer: str, lr: float, weight_decay: float, schedule: str) -> None:
        require_option("model.optimizer", optimizer, OPTIMIZERS)
        require_option("model.schedule", schedule, SCHEDULES)
        require_number("model.lr", lr, above=0)
        require_number("model.weight_decay", weight_decay)
        self.optimizer, self.lr = optimizer, lr
        self.weight_decay, self.schedule = weight_decay, schedule

    def configure(
        self, parameters: Iterable[nn.Parameter], n_steps: int
    ) -> tuple[Optimizer, LRScheduler]:
        """Return an optimizer of the parameters and its schedule over `n_steps` steps."""
        optimizer = OPTIMIZERS[self.optimizer](
            parameters, lr=self.lr, weight_decay=self.weight_decay, fused=True
        )
        return optimizer, SCHEDULES[self.schedule](optimizer, n_steps)
