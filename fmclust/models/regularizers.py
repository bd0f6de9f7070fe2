"""Penalties that make a regularized autoencoder of a network (the paper, section 1.2)."""

from collections.abc import Callable

from torch import Tensor, nn

from fmclust.errors import UserError
from fmclust.models.networks import Network


def sparsity(network: Network, latents: Tensor) -> Tensor:
    """Returns the mean absolute latent: most latents of an image are to be near zero.

    Args:
        network: What encoded; unused.
        latents: float tensor of shape (N, latents).
    """
    return latents.abs().mean()


def contraction(network: Network, latents: Tensor) -> Tensor:
    """Returns the mean squared Frobenius norm of the Jacobian of latents by pixels.

    In closed form for one sigmoid layer (Rifai et al. 2011, section 4): the derivative of latent
    j is h_j (1 - h_j) times row j of the weight.

    Args:
        network: A dense network whose encoder is one layer with a sigmoid.
        latents: What it encoded, of shape (N, latents).

    Raises:
        UserError: If the network is another.
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
