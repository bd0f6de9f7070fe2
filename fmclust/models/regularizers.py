"""Penalties of regularized autoencoders (the paper, section 1.2)."""

from collections.abc import Callable

from torch import Tensor, nn

from fmclust.errors import UserError
from fmclust.models.networks import Network


def sparsity(_network: Network, latents: Tensor) -> Tensor:
    """Return the mean absolute value of the latents, float of shape (N, latents)."""
    return latents.abs().mean()


def contraction(network: Network, latents: Tensor) -> Tensor:
    """Return the mean squared Frobenius norm of the Jacobian of the latents in the pixels.

    One sigmoid layer has a closed form (Rifai et al. 2011, section 4): the derivative of latent
    j is h_j (1 - h_j) times row j of the weight.

    Args:
        network: A dense network whose encoder is one layer with a sigmoid.
        latents: float tensor of shape (N, latents), the output of the encoder.

    Raises:
        UserError: If the encoder has other layers.
    """
    match list(network.encoder.children()):
        case [nn.Flatten(), nn.Linear() as layer, nn.Sigmoid()]:
            slopes = (latents * (1 - latents)).square()
            return (slopes @ layer.weight.square().sum(dim=1)).mean()
    raise UserError(
        "model.penalty=contraction is for one sigmoid layer: type model=contractive, or "
        "'model.hidden=[]' model.latent_activation=sigmoid."
    )


PENALTIES: dict[str, Callable[[Network, Tensor], Tensor] | None] = {
    "none": None,
    "sparsity": sparsity,
    "contraction": contraction,
}
