"""The paper's numbers, to stand beside ours."""

from omegaconf import DictConfig

# Model, clusterer, split: Hungarian accuracy (sections 5.1 to 5.3; one run each).
ACCURACIES = {
    ("pixels", "kmeans", "all"): 0.5398571,
    ("convae", "kmeans", "test"): 0.5656,
    ("convae", "gmm", "test"): 0.5876,
}


def paper_accuracies(config: DictConfig) -> dict[str, float]:
    """Returns the paper's accuracies for the systems of a configuration that it has.

    Args:
        config: As composed.

    Returns:
        Name in metrics.json to accuracy; empty for other data or another number of clusters.
    """
    if not config.data["_target_"].endswith("FashionMNISTDataModule") or config.n_clusters != 10:
        return {}
    model = config.model.get("network", "pixels")
    return {
        f"{clusterer}/{split}/accuracy": accuracy
        for (network, clusterer, split), accuracy in ACCURACIES.items()
        if network == model and clusterer in config.cluster
    }
