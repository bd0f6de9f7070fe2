"""Principal components, as many as there are."""

from typing import Any, Self

from numpy.typing import NDArray
from sklearn.decomposition import PCA


class LeadingComponents(PCA):  # type: ignore[misc]  # untyped
    """PCA to `n_components` dimensions, or to all of them if the latents have fewer.

    All other parameters and all attributes are those of scikit-learn's PCA.
    """

    def fit(self, X: NDArray[Any], y: None = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Fit to latents of shape (N, d)."""
        wanted = int(self.get_params()["n_components"])
        try:
            self.n_components = min(wanted, *X.shape)
            super().fit(X)
        finally:
            self.n_components = wanted
        return self

    def fit_transform(self, X: NDArray[Any], y: None = None) -> NDArray[Any]:  # noqa: ARG002
        """Fit to latents of shape (N, d); return their components, (N, n_components_)."""
        components: NDArray[Any] = self.fit(X).transform(X)
        return components
