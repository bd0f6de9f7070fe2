"""fmclust: cluster images without labels."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fmclust.estimator import ImageClusterer
    from fmclust.inference import Assignment, LoadedRun, load_run

__version__ = "0.2.0"

__all__ = ["Assignment", "ImageClusterer", "LoadedRun", "__version__", "load_run"]


def __getattr__(name: str) -> Any:
    if name == "ImageClusterer":
        from fmclust.estimator import ImageClusterer

        return ImageClusterer
    if name in __all__:
        from fmclust import inference  # torch, which `--help` does without

        return getattr(inference, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
