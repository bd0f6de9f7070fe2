"""fmclust: cluster images without labels."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fmclust.loaded import Assignment, LoadedRun, load_run

__all__ = ["Assignment", "LoadedRun", "load_run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from fmclust import loaded  # torch and Lightning, which `--help` does without

        return getattr(loaded, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
