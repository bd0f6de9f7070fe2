"""report.html of one run: what was run, how it scored, what is in its clusters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from omegaconf import DictConfig

from fmclust.errors import UserError
from fmclust.metrics import SCORES
from fmclust.reports.pages.charts import Line, line_chart
from fmclust.reports.pages.clustered import read_clustered
from fmclust.reports.pages.plane import plane_of
from fmclust.reports.pages.sprite import Sprite
from fmclust.reports.pages.templates import TEMPLATES
from fmclust.reports.paper import paper_accuracies
from fmclust.reports.tables import (
    OWN_FIGURES,
    PAGE,
    SEPARATION,
    figure_text,
    number_text,
    scored_splits,
    sizes_text,
)
from fmclust.runs import (
    MANIFEST,
    clustered_in,
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
    """Writes report.html of a finished run.

    Args:
        directory: The run directory.

    Returns:
        The page's path.

    Raises:
        UserError: If the run is not finished, or of an older fmclust.
    """
    status = read_status(directory)
    if status is None or not (directory / MANIFEST).exists():
        raise UserError(f"{directory} is no finished run: type runs=<finished runs>.")
    refuse_links(directory)
    config, thumbnails = read_config(directory), read_thumbnails(directory)
    names = status["class_names"] or ()
    folders = clustered_in(directory, first=list(config.cluster))
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
    text = TEMPLATES.get_template("run.html").render(
        title=f"{config.model.get('network', 'pixels')} and {', '.join(folders)}",
        subtitle=f"{directory.name}; seed {config.seed}, 1 run",
        warnings=status["warnings"],
        split=str(thumbnails["split"]),
        tables=_tables(config, folders),
        losses=_losses(directory, config),
        plane=plane_of(latents, thumbnails["rows"], found, sprite, names),
        clusterings=[
            made.described(latents, first)
            for made, first in zip(found, first_centres, strict=False)
        ],
        facts=_facts(directory, config, status),
        sprite=sprite,
        rows=thumbnails["rows"].tolist(),
        classes=None if classes is None else classes.tolist(),
        names=names,
    )
    write_text(directory / PAGE, text)
    return directory / PAGE


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
    paper = paper_accuracies(config)
    heads = ["clusterer", "split", *SCORES, *(["paper's accuracy"] if paper else [])]
    rows = [
        [name, split, *(number_text(metrics.get(f"{name}/{split}/{s}")) for s in SCORES)]
        + ([number_text(paper.get(f"{name}/{split}/accuracy"))] if paper else [])
        for name, split in scored_splits(metrics)
    ]
    figures = [
        f for f in (*OWN_FIGURES, *SEPARATION) if any(f"{n}/{f}" in metrics for n in folders)
    ]
    own = [[n, *(figure_text(f, metrics.get(f"{n}/{f}")) for f in figures)] for n in folders]
    own_heads = ["clusterer", *(figure.replace("_", " ") for figure in figures)]
    tables = [_Table("Scores by split, of 1 seed", heads, 2, rows)] if rows else []
    return [*tables, _Table("Label-free figures on the fitted split", own_heads, 1, own)]


def _losses(directory: Path, config: DictConfig) -> Markup | None:
    losses = read_losses(directory)
    lines = [
        Line(name, [(float(epoch), value, None) for epoch, value in enumerate(values, 1)])
        for name, values in losses.items()
    ]
    if not lines:
        return None
    label = f"reconstruction loss ({config.model.loss})"
    return line_chart(lines, x_label="epoch", y_label=label)


def _facts(directory: Path, config: DictConfig, status: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns what to say of a run beside its numbers: name and text."""
    seconds = read_metrics(directory).get("time/total", 0.0)
    packages = ", ".join(f"{name} {version}" for name, version in status["packages"].items())
    height, width = status["image_size"]
    model = {f"model.{k}": v for k, v in config.model.items() if k not in ("_target_", "seed")}
    known = {
        "typed": " ".join(read_overrides(directory)) or "(nothing)",
        "images": f"{sizes_text(status['images'])}; {height}x{width}, {config.data._target_}",
        "epochs": config.trainer.max_epochs if "network" in config.model else "none",
        "clusters": config.n_clusters,
        "seed": config.seed,
        "seconds": f"{seconds:.0f}",
        "processor": f"{status['gpu'] or status['cpu']}, {status['threads']} threads",
        "versions": f"Python {status['python']}, {packages}",
        **model,
        "directory": directory,
    }
    return [(key, str(value)) for key, value in known.items()]
