"""Principal components, as many as there are."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

PER_COMPONENT = (  # attributes of PCA with a value or a row for each component
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
)
MIN_SPREAD = 1e-6  # of the largest standard deviation; latents are constant along other axes


class LeadingComponents(PCA):  # type: ignore[misc]  # untyped
    """PCA to `n_components` dimensions, or to all of them if the latents have fewer.

    Other values of `n_components`, the other parameters and all attributes are those of
    scikit-learn's PCA.
    """

    def fit(self, X: NDArray[Any], y: None = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Fit to latents of shape (N, d)."""
        wanted = self.get_params()["n_components"]
        try:
            if isinstance(wanted, Integral):
                self.n_components = min(int(wanted), *X.shape)
            super().fit(X)
        finally:
            self.n_components = wanted
        return self

    def fit_transform(self, X: NDArray[Any], y: None = None) -> NDArray[Any]:  # noqa: ARG002
        """Fit to latents of shape (N, d); return their components, (N, n_components_)."""
        components: NDArray[Any] = self.fit(X).transform(X)
        return components


class Whitening(PCA):  # type: ignore[misc]  # untyped
    """PCA with components of unit variance, without those along which the latents are constant.

    scikit-learn's PCA would scale the rounding errors along such axes to a variance of one, or
    more, and clusterers would cluster them. Parameters and attributes are those of PCA.
    """

    def fit(self, X: NDArray[Any], y: None = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Fit to latents of shape (N, d)."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: NDArray[Any], y: None = None) -> NDArray[Any]:  # noqa: ARG002
        """Fit to latents of shape (N, d); return their components, (N, n_components_)."""
        components: NDArray[Any] = super().fit_transform(X)
        variances: NDArray[Any] = self.explained_variance_
        rounding = 10 * np.finfo(variances.dtype).eps  # of variances, relative to the largest one
        kept = variances > max(MIN_SPREAD**2, rounding) * variances[0]
        kept[0] = True
        if kept.all():
            return components
        for name in PER_COMPONENT:
            setattr(self, name, getattr(self, name)[kept])
        self.n_components_ = int(kept.sum())
        return components[:, kept]
