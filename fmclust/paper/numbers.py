"""The paper's numbers, for comparison. This module imports nothing from fmclust."""

from collections.abc import Mapping
from typing import Any

# Model, clusterer, split: Hungarian accuracy (sections 5.1 to 5.3; one run each).
ACCURACIES = {
    ("pixels", "kmeans", "all"): 0.5398571,
    ("convae", "kmeans", "test"): 0.5656,
    ("convae", "gmm", "test"): 0.5876,
}
# Section 5.1: the solution of k-means that the paper found on all 70,000 images.
PIXELS_SSE = 2233496.1077513914
PIXELS_CONFUSION = (
    (4001, 199, 208, 23, 47, 508, 1977, 3, 34, 0),
    (285, 6298, 30, 2, 55, 148, 182, 0, 0, 0),
    (98, 12, 2168, 23, 2178, 473, 2020, 1, 27, 0),
    (1987, 3636, 20, 5, 66, 487, 787, 0, 11, 1),
    (817, 173, 1096, 15, 3561, 230, 1077, 0, 31, 0),
    (3, 1, 0, 13, 0, 4680, 58, 1672, 12, 561),
    (1224, 61, 1071, 56, 1404, 729, 2428, 6, 19, 2),
    (0, 0, 0, 6, 0, 724, 1, 5929, 0, 340),
    (24, 24, 346, 2508, 45, 496, 379, 333, 2837, 8),
    (8, 3, 2, 7, 11, 235, 69, 777, 5, 5883),
)

# Section 5.1: largest k of an elbow curve to the range of k that the paper reads from it.
ELBOWS = {10: (5, 7), 20: (8, 10)}
# `model.name` to the paper's model; the standardized model is compared with the same numbers.
MODELS = {"pixels": "pixels", "convae": "convae", "convae_standardized": "convae"}
SETTINGS = {"latents": 10, "noise": 0, "penalty": "none"}  # of the paper's models


def is_fashion_mnist(config: Mapping[str, Any]) -> bool:
    """Whether a configuration names the paper's data set."""
    return str(config["data"]["_target_"]).endswith(".FashionMNIST")


def are_papers_pixels(config: Mapping[str, Any]) -> bool:
    """Whether a configuration names the pixels that the paper clusters (section 5.1)."""
    is_all = config["data"].get("split") == "all" and is_fashion_mnist(config)
    model = config["model"]
    return bool(is_all and model.get("name") == "pixels" and model.get("preprocessing") == "scale")


def paper_accuracies(config: Mapping[str, Any]) -> dict[str, float]:
    """Return the paper's accuracies for the model and the clusterers of a configuration.

    Args:
        config: The composed configuration.

    Returns:
        Name in metrics.json to accuracy; empty if the paper has no such run, because of the data,
        the number of clusters or latents, noise or a penalty.
    """
    model = config["model"]
    if any(model.get(key, value) != value for key, value in SETTINGS.items()):
        return {}
    if not is_fashion_mnist(config):
        return {}
    return {
        f"{clusterer}/{split}/accuracy": accuracy
        for (name, clusterer, split), accuracy in ACCURACIES.items()
        if name == MODELS.get(model.get("name"))
        and _has_ten_clusters(config["cluster"].get(clusterer) or {})
    }


def _has_ten_clusters(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("n_clusters", settings.get("n_components")) == 10)
