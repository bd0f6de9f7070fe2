"""report.html of one run: what was run, how it scored, what is in its clusters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from omegaconf import DictConfig

from fmclust.errors import UserError, reading
from fmclust.metrics import SCORES
from fmclust.paper.numbers import paper_accuracies
from fmclust.plots import draw_losses
from fmclust.reports.pages.clustered import read_clustered
from fmclust.reports.pages.plane import plane_of
from fmclust.reports.pages.sprite import Sprite
from fmclust.reports.pages.svg import embedded
from fmclust.reports.pages.templates import TEMPLATES
from fmclust.reports.tables import (
    OWN_STATISTICS,
    PAGE,
    SEPARATION,
    number_text,
    scored_splits,
    sizes_text,
    statistic_text,
)
from fmclust.runs import (
    clustered_in,
    model_name,
    read_clusterings,
    read_config,
    read_latents,
    read_losses,
    read_metrics,
    read_overrides,
    read_status,
    read_thumbnails,
    refuse_links,
    write_text,
)


def write_run_page(directory: Path) -> Path:
    """Write report.html of a run that has come to its end; return its path.

    Raises:
        UserError: If the run is not finished, or its files can't be read.
    """
    with reading(directory):
        text = _rendered(directory)
    write_text(directory / PAGE, text)
    return directory / PAGE


def _rendered(directory: Path) -> str:
    status = read_status(directory)
    if status is None or not (directory / "metrics.json").exists():
        raise UserError(f"{directory} is no finished run: type runs=<finished runs>.")
    refuse_links(directory)
    config, folders = read_config(directory), clustered_in(directory)
    name = model_name(config)
    shown = _shown(directory, folders, status)
    return TEMPLATES.get_template("run.html").render(
        title=f"{name} and {', '.join(folders)}" if folders else name,
        subtitle=f"{directory.name}; seed {config.seed}, 1 run",
        warnings=status["warnings"],
        has_labels=bool(status["class_names"]),
        can_decode=status.get("can_decode", True),
        tables=_tables(config, folders),
        losses=_losses(directory, status),
        facts=_facts(directory, config, status),
        names=status["class_names"],
        **shown,
    )


def _shown(
    directory: Path, folders: Mapping[str, Path], status: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the template shows of the images: the plane and the clusterings."""
    nothing: dict[str, Any] = {
        "split": "",
        "plane": None,
        "clusterings": [],
        "sprite": None,
        "rows": [],
    }
    if not folders:
        return nothing | {"classes": None}
    names, thumbnails = status["class_names"], read_thumbnails(directory)
    centres = {directory: thumbnails} | {
        folder: read_thumbnails(folder) for folder in {*folders.values()} - {directory}
    }
    found = [
        read_clustered(folder, name, thumbnails, centres[folder], names)
        for name, folder in folders.items()
    ]
    pictures = [thumbnails["images"], *(made.centres for made in found)]
    sprite = Sprite.of(np.concatenate(pictures))
    first_centres = np.cumsum([len(images) for images in pictures]).tolist()
    latents = _latents(directory, thumbnails)
    classes = found[0].shown_classes
    return {
        "split": str(thumbnails["split"]),
        "plane": plane_of(latents, thumbnails["rows"], found, sprite, names),
        "clusterings": [
            made.described(latents, first)
            for made, first in zip(found, first_centres, strict=False)
        ],
        "sprite": sprite,
        "rows": thumbnails["rows"].tolist(),
        "classes": None if classes is None else classes.tolist(),
    }


def _latents(directory: Path, thumbnails: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the latents of the thumbnails; of a run of pixels those."""
    rows, split = thumbnails["rows"], str(thumbnails["split"])
    if (directory / "latents.npz").exists():
        return read_latents(directory)[split][rows]
    return thumbnails["images"].reshape(len(rows), -1) / np.float32(255)


@dataclass(frozen=True)
class _Table:
    """Cells of a table, of which the first columns hold text and the others numbers."""

    caption: str
    heads: Sequence[str]
    texts: int
    rows: Sequence[Sequence[str]]


def _tables(config: DictConfig, folders: Mapping[str, Path]) -> list[_Table]:
    metrics = {k: v for folder in folders.values() for k, v in read_metrics(folder).items()}
    clusterings = {name: read_clusterings(folder)[name] for name, folder in folders.items()}
    paper = paper_accuracies(config)
    heads = ["clusterer", "split", *SCORES, *(["paper's accuracy"] if paper else [])]
    rows = [
        [name, split, *(number_text(metrics.get(f"{name}/{split}/{s}")) for s in SCORES)]
        + ([number_text(paper.get(f"{name}/{split}/accuracy"))] if paper else [])
        for name, split in scored_splits(clusterings)
    ]
    statistics = [
        f for f in (*OWN_STATISTICS, *SEPARATION) if any(f"{n}/{f}" in metrics for n in folders)
    ]
    own = [[n, *(statistic_text(f, metrics.get(f"{n}/{f}")) for f in statistics)] for n in folders]
    own_heads = ["clusterer", *(statistic.replace("_", " ") for statistic in statistics)]
    tables = [_Table("Scores by split, of 1 seed", heads, 2, rows)] if rows else []
    if own:
        tables.append(_Table("Label-free statistics on the fitted split", own_heads, 1, own))
    return tables


def _losses(directory: Path, status: Mapping[str, Any]) -> Markup | None:
    losses = read_losses(directory)
    if not losses:
        return None
    figure = draw_losses(losses, status.get("loss_name", "loss"))
    return embedded(figure, "losses against epochs")


def _facts(directory: Path, config: DictConfig, status: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns what to say of a run beside its numbers: name and text."""
    seconds = read_metrics(directory).get("time/total", 0.0)
    height, width = status["image_size"]
    model = {f"model.{k}": v for k, v in config.model.items() if k not in ("_target_", "name")}
    environments = status["environments"]
    known = {
        "typed": " ".join(read_overrides(directory)) or "(nothing)",
        "images": f"{sizes_text(status['images'])}; {height}x{width}, {config.data._target_}",
        "epochs": status.get("epochs", "none"),
        "clusters": config.n_clusters,
        "seed": config.seed,
        "seconds": f"{seconds:.0f}",
        "processor": "; then ".join(map(_processor, environments)),
        "versions": "; then ".join(dict.fromkeys(map(_versions, environments))),
        **model,
        "directory": directory,
    }
    return [(key, str(value)) for key, value in known.items()]


def _processor(environment: Mapping[str, Any]) -> str:
    return f"{environment['gpu'] or environment['cpu']}, {environment['threads']} threads"


def _versions(environment: Mapping[str, Any]) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in environment["packages"].items())
    return f"Python {environment['python']}, {packages}"
