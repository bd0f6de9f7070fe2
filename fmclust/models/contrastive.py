"""Contrastive encoder with an optional second stage of self-labelling."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from fmclust import errors
from fmclust.models.augmentation import Augmentation
from fmclust.models.encoder import Encoder, Prototypes, StepLosses
from fmclust.models.preprocessing import scale, standardized

PATCH = 2  # pixels a side
SIDE_OF_THREE_STAGES = 28  # pixels
SOFT_TEMPERATURE = 0.05  # of cosine similarities to prototypes, for targets and assignments
LABEL_TEMPERATURE = 0.1  # of cosine similarities to prototypes, in the loss
SINKHORN_ROUNDS = 3  # per batch
OFFSET_MOMENTUM = 0.95
WARM_UP = 0.3  # share of a stage in which the learning rate rises, as OneCycleLR's default


class Contrastive(Encoder):
    """Encoder trained to recognise two random views of one image among the views of others.

    First stage: NT-Xent (Chen et al. 2020, https://arxiv.org/abs/2002.05709, equation 1) on a
    projection of the features. Under DDP, negatives are those of one process. The latents are the
    features before the projection.

    Second stage, with `self_labelling_epochs`: the latents are classified by their similarity to
    prototypes, which begin as the centres of size-balanced clusters. Targets are soft assignments
    of the same batch, scaled so that every prototype gets the same weight (Asano et al. 2020,
    https://arxiv.org/abs/1911.05371; Caron et al. 2020, https://arxiv.org/abs/2006.09882).

    Args:
        image_shape: Channels, height and width of the images.
        channels: Channels of the three stages of the network; the last are the latents, and those
            of the further stages, which images of 56 pixels or more have (`network`).
        projection: Units of the hidden layer and of the output of the projection.
        loss: `nt_xent`.
        temperature: Temperature of the loss, above 0.
        lr: Maximum learning rate of the first stage.
        weight_decay: Weight decay of AdamW.
        augment: Arguments of `Augmentation`.
        self_labelling_epochs: Epochs of the second stage, at the end of training; 0 for none.
        self_labelling_lr: Maximum learning rate of the network in the second stage.
        prototype_lr: Maximum learning rate of the prototypes.
        n_clusters: Number of prototypes; not used without a second stage.

    Raises:
        UserError: If an option is unknown or a number out of range.
    """

    trains = True
    loss_name = "contrastive loss (NT-Xent)"
    mean: Tensor
    offsets: Tensor

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        channels: Sequence[int],
        projection: Sequence[int],
        loss: str,
        temperature: float,
        lr: float,
        weight_decay: float,
        augment: Mapping[str, Any],
        self_labelling_epochs: int,
        self_labelling_lr: float,
        prototype_lr: float,
        n_clusters: int | str,
    ) -> None:
        super().__init__()
        errors.require_option("model.loss", loss, ("nt_xent",))
        errors.require_whole_numbers("model.channels", channels, n=3)
        errors.require_whole_numbers("model.projection", projection, n=2)
        errors.require_number("model.temperature", temperature, above=0)
        errors.require_number("model.weight_decay", weight_decay)
        errors.require_whole("model.self_labelling_epochs", self_labelling_epochs, 0)
        self.temperature, self.weight_decay = temperature, weight_decay
        self.rates = {
            "lr": lr,
            "self_labelling_lr": self_labelling_lr,
            "prototype_lr": prototype_lr,
        }
        for key, value in self.rates.items():
            errors.require_number(f"model.{key}", value, above=0)
        if self_labelling_epochs and isinstance(n_clusters, str):
            raise errors.UserError(
                f"n_clusters={n_clusters} is known only after training, and prototypes are needed "
                "before: type n_clusters= with a whole number from 1 on."
            )
        self.augment = Augmentation(**augment)
        self.augment.require_channels(image_shape[0])
        self.self_labelling_epochs = self_labelling_epochs
        if self_labelling_epochs:
            self.loss_name = "contrastive (NT-Xent) and self-labelling loss"
        # Convolutions need fewer copies in this layout: a fifth less time on a CPU.
        self.features = network(image_shape, channels).to(memory_format=torch.channels_last)
        width, (hidden, projected) = channels[-1], projection
        self.projector = nn.Sequential(
            nn.Linear(width, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, projected),
        )
        if self_labelling_epochs:
            self.centroids = nn.Parameter(torch.zeros(int(n_clusters), width))
            self.register_buffer("mean", torch.zeros(width))
            self.register_buffer("offsets", torch.zeros(int(n_clusters)))
        self.is_labelling = False

    def encode(self, images: Tensor) -> Tensor:
        """Map uint8 images of shape (N, C, H, W) to float32 latents of shape (N, channels[-1])."""
        return self._latents(scale(images))

    def _latents(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.features(standardized(pixels)).float()
        return features - self.mean if self.self_labelling_epochs else features

    def training_losses(self, images: Tensor, generator: Generator) -> StepLosses:
        """Return the loss of the stage to minimize, and all losses to log."""
        latents = self._views(images, generator)
        with torch.autocast(images.device.type, enabled=False):
            contrastive = self._nt_xent(self._projected(latents))
            if not self.is_labelling:
                return StepLosses(contrastive, {"loss/train": contrastive})
            labelling = self._self_labelling(latents)
        return StepLosses(labelling, {"loss/train": contrastive, "loss/self_labelling": labelling})

    def validation_losses(self, images: Tensor, generator: Generator) -> dict[str, Tensor]:
        """Return the contrastive loss, and its parts by Wang and Isola (2020).

        `alignment` is the mean squared distance between two views of an image, `uniformity` the
        logarithm of the mean of exp(-2 d^2) over the distances d between views of two images
        (https://arxiv.org/abs/2005.10242, equations 3 and 4); less of either is better. One image
        alone has no `uniformity`.
        """
        with torch.autocast(images.device.type, enabled=False):
            first, second = projected = self._projected(self._views(images, generator))
            losses = {
                "loss/val": self._nt_xent(projected),
                "alignment": (first - second).square().sum(dim=1).mean(),
            }
            if len(images) > 1:
                losses["uniformity"] = torch.pdist(first).square().mul(-2).exp().mean().log()
            return losses

    def stage_epochs(self, n_epochs: int) -> tuple[int, int]:
        """Return the epochs of the first and of the second stage, which gets at most half."""
        second = min(self.self_labelling_epochs, n_epochs // 2)
        return n_epochs - second, second

    def start_epoch(self, epoch: int, n_epochs: int) -> int:
        """Choose the stage; return the number of prototypes if the second stage begins."""
        first, second = self.stage_epochs(n_epochs)
        self.is_labelling = epoch >= first
        return len(self.centroids) if second and epoch == first else 0

    @property
    def prototypes(self) -> Prototypes | None:
        """The prototypes of the second stage, or None without one."""
        if not self.self_labelling_epochs or not self.centroids.any():  # not begun
            return None
        return Prototypes(self.centroids.detach(), self.offsets, SOFT_TEMPERATURE)

    def set_prototypes(self, mean: Tensor, prototypes: Prototypes) -> None:
        """Begin the second stage from clusters; see `Encoder.set_prototypes`."""
        with torch.no_grad():
            self.mean.copy_(mean)
            self.centroids.copy_(prototypes.centres)
            self.offsets.copy_(prototypes.offsets - prototypes.offsets.mean())

    def example_views(self, images: Tensor, generator: Generator) -> list[Tensor]:
        """Return two random views of each image."""
        return [self.augment(scale(images), generator) for _ in range(2)]

    def configure_optimizer(self, n_steps: int, n_epochs: int) -> tuple[Optimizer, LRScheduler]:
        """Return AdamW, with one cycle of the learning rate in each stage."""
        first = n_steps * self.stage_epochs(n_epochs)[0] // n_epochs
        groups: list[dict[str, Any]] = [
            {"params": [*part.parameters()], "lr": self.rates["lr"]}
            for part in (self.features, self.projector)
        ]
        ratio = self.rates["self_labelling_lr"] / self.rates["lr"]
        schedules = [_two_cycles(first, n_steps, ratio), _two_cycles(first, n_steps, 0.0)]
        if self.self_labelling_epochs:
            groups += [{"params": [self.centroids], "lr": self.rates["prototype_lr"]}]
            schedules += [_two_cycles(first, n_steps, 1.0, before=0.0)]
        optimizer = torch.optim.AdamW(
            groups, lr=self.rates["lr"], weight_decay=self.weight_decay, fused=True
        )
        return optimizer, LambdaLR(optimizer, schedules)

    def _views(self, images: Tensor, generator: Generator) -> Tensor:
        """Return the latents of two random views of each image, shape (2, N, d)."""
        with torch.autocast(images.device.type, enabled=False):
            views = self.example_views(images, generator)
        latents: Tensor = self._latents(torch.cat(views)).unflatten(0, (2, -1))
        return latents

    def _projected(self, latents: Tensor) -> Tensor:
        """Return the projections of latents as vectors of unit length, shape (2, N, p)."""
        projected: Tensor = self.projector(latents.flatten(0, 1))
        return functional.normalize(projected, dim=1).reshape(2, -1, projected.shape[1])

    def _nt_xent(self, projected: Tensor) -> Tensor:
        """Return the loss of projections of shape (2, N, p); equation 1 of Chen et al. 2020."""
        n, views = projected.shape[1], projected.flatten(0, 1)
        similarities = views @ views.T / self.temperature
        similarities = similarities.fill_diagonal_(float("-inf"))
        partners = torch.arange(2 * n, device=views.device).roll(n)
        return functional.cross_entropy(similarities, partners)

    def _self_labelling(self, latents: Tensor) -> Tensor:
        """Return the cross-entropy of both views against the soft targets of both."""
        similarities = functional.normalize(latents, dim=2) @ functional.normalize(self.centroids).T
        targets = self._targets(similarities.detach())
        logits = similarities / LABEL_TEMPERATURE
        return -(targets * logits.log_softmax(dim=2)).sum(dim=2).mean()

    def _targets(self, similarities: Tensor) -> Tensor:
        """Return balanced soft assignments of images, sharpened, and update the offsets.

        Args:
            similarities: float32 tensor of shape (2, N, k).

        Returns:
            float32 tensor of shape (N, k) with rows that sum to 1.
        """
        offsets, logits = self.offsets, similarities / SOFT_TEMPERATURE
        for _ in range(SINKHORN_ROUNDS):
            weights = (logits + offsets).softmax(dim=2).mean(dim=(0, 1))
            offsets = offsets - (weights * len(weights)).log()
        self.offsets.lerp_(offsets - offsets.mean(), 1 - OFFSET_MOMENTUM)
        sharpened = (logits + offsets).softmax(dim=2).mean(dim=0).square()
        return sharpened / sharpened.sum(dim=1, keepdim=True)


def network(image_shape: Sequence[int], channels: Sequence[int]) -> nn.Sequential:
    """Build a small residual network from images of shape (N, C, H, W) to features (N, d).

    The stem folds patches of 2 x 2 pixels into channels. Images get one more stage, which halves
    height and width, for every doubling of their larger side above 28 pixels.

    Args:
        image_shape: Channels, height and width of the images.
        channels: Channels of the three stages; the last is d, also that of further stages.
    """
    n_more = max(0, int(math.log2(max(image_shape[1:]) / SIDE_OF_THREE_STAGES)))
    widths = [*channels, *[channels[-1]] * n_more]
    layers = [FoldPatches(), *_convolution(PATCH**2 * image_shape[0], widths[0])]
    for inner, outer in pairwise(widths):
        layers += [*_convolution(inner, outer, stride=2), Residual(outer)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class FoldPatches(nn.Module):
    """Fold patches of 2 x 2 pixels into channels; an odd side gets a row or column of zeros."""

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, 4 C, H / 2, W / 2), sides rounded up."""
        height, width = images.shape[-2:]
        return functional.pixel_unshuffle(
            functional.pad(images, (0, width % PATCH, 0, height % PATCH)), PATCH
        )


class Residual(nn.Module):
    """Two convolutions whose output is added to their input (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = _convolution(channels, channels), _convolution(channels, channels)
        self.layers = nn.Sequential(*first, *second[:-1])

    def forward(self, inputs: Tensor) -> Tensor:
        """Map a tensor of shape (N, channels, H, W) to the same shape."""
        return functional.relu(inputs + self.layers(inputs))


def _convolution(inner: int, outer: int, *, stride: int = 1) -> list[nn.Module]:
    """Return a 3 x 3 convolution with batch normalization and its activation."""
    convolution = nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]


def _two_cycles(
    first: int, n_steps: int, ratio: float, *, before: float = 1.0
) -> Callable[[int], float]:
    """Return the factor of a learning rate by step: one cycle in each stage.

    Args:
        first: Steps of the first stage.
        n_steps: Steps of both.
        ratio: Maximum of the factor in the second stage.
        before: Maximum of the factor in the first stage.
    """

    def factor(step: int) -> float:
        if step < first:
            return before * _one_cycle(step / first)
        return ratio * _one_cycle((step - first) / max(1, n_steps - first))

    return factor


def _one_cycle(progress: float) -> float:
    """Return the share of the maximum learning rate at a share of a stage (Smith 2018)."""
    if progress < WARM_UP:
        return 0.04 + 0.48 * (1 - math.cos(math.pi * progress / WARM_UP))
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))
