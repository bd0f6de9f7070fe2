"""report.html of one run: its settings, its scores, and the images of its clusters."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from omegaconf import DictConfig

from fmclust import runs
from fmclust.errors import UserError, reading
from fmclust.plots import draw_agreement, draw_losses
from fmclust.reports.pages.clustered import read_clustered
from fmclust.reports.pages.plane import plane_of
from fmclust.reports.pages.sprite import Sprite
from fmclust.reports.pages.svg import embedded
from fmclust.reports.pages.templates import TEMPLATES
from fmclust.reports.remarks import remarks_of
from fmclust.reports.tables import PAGE, images_text, run_tables


def write_run_page(directory: Path) -> Path:
    """Write report.html of a run that has ended; return its path.

    Raises:
        UserError: If the run is not finished, or its files can't be read.
    """
    with reading(directory):
        text = _rendered(directory)
    runs.write_text(directory / PAGE, text)
    return directory / PAGE


def _rendered(directory: Path) -> str:
    status = runs.read_status(directory)
    if status is None or not (directory / "metrics.json").exists():
        raise UserError(f"{directory} is not a finished run: type runs=<finished runs>.")
    runs.refuse_links(directory)
    config, folders = runs.read_config(directory), runs.clustered_in(directory)
    name = runs.model_name(config)
    return TEMPLATES.get_template("run.html").render(
        title=f"{name} and {', '.join(folders)}" if folders else name,
        subtitle=f"{'/'.join(directory.absolute().parts[-2:])}; seed {config.seed}, 1 run",
        warnings=[*status["warnings"], *_later_warnings(directory, folders)],
        can_decode=status.get("can_decode", True),
        tables=run_tables(directory),
        remarks=remarks_of(directory, status),
        losses=_losses(directory, status),
        estimates=_estimates(directory, folders),
        facts=_facts(directory, config, status),
        class_names=status["class_names"],
        **_shown(directory, folders, status["class_names"], _pictures_folder(config)),
    )


def _shown(
    directory: Path,
    folders: Mapping[str, Path],
    class_names: Sequence[str],
    pictures_folder: Path | None,
) -> dict[str, Any]:
    """Return what the template shows of the images: the plane and the clusterings.

    Args:
        directory: The run directory.
        folders: Clusterer to the directory of its clustering.
        class_names: A name for every class; empty without labels.
        pictures_folder: Folder that the names of the images are relative to, or None.
    """
    if not folders:
        return {"plane": None, "sprite": None, "clusterings": []}
    thumbnails = runs.read_thumbnails(directory)
    found = [
        read_clustered(folder, name, thumbnails, runs.read_thumbnails(folder), class_names)
        for name, folder in folders.items()
    ]
    pictures = [thumbnails["images"], *(made.centres for made in found)]
    sprite = Sprite.of(np.concatenate(pictures))
    first_centres = np.cumsum([len(images) for images in pictures]).tolist()
    latents, classes = _latents(directory, thumbnails), found[0].shown.classes
    images = [f"image {row}" for row in thumbnails["rows"].tolist()]
    if "names" in thumbnails:
        names = map(str, thumbnails["names"])
        images = [f"image {name}" if name.isdigit() else name for name in names]
    return {
        "split": str(thumbnails["split"]),
        "plane": plane_of(latents, images, found, sprite, class_names),
        "clusterings": [
            made.described(latents, first)
            for made, first in zip(found, first_centres, strict=False)
        ],
        "sprite": sprite,
        "images": images,
        "link_to": partial(_link_to, pictures_folder, thumbnails.get("names", ())),
        "names": None if classes is None else [class_names[c] if c >= 0 else "" for c in classes],
    }


def _pictures_folder(config: DictConfig) -> Path | None:
    """Return the folder of the run's pictures, if it was read from one that is still there."""
    root = Path(str(config.data.get("root") or ""))
    return root if config.data._target_.endswith("PictureFolder") and root.is_dir() else None


def _link_to(folder: Path | None, names: Sequence[str] | NDArray[Any], number: int) -> str:
    """Return the address of the file of a thumbnail, or "" if it is not a file on disk."""
    if folder is None or number >= len(names):
        return ""
    name = PurePath(str(names[number]))
    if name.is_absolute() or ".." in name.parts:  # of a foreign run
        return ""
    with suppress(OSError):
        return (folder / name).as_uri() if (folder / name).is_file() else ""
    return ""


def _latents(directory: Path, thumbnails: Mapping[str, NDArray[Any]]) -> NDArray[np.floating[Any]]:
    """Return the latents of the thumbnails; the pixels if the run stores no latents."""
    rows, split = thumbnails["rows"], str(thumbnails["split"])
    if (directory / "latents.npz").exists():
        return np.asarray(runs.read_latents(directory)[split][rows])
    return np.float32(1 / 255) * thumbnails["images"].reshape(len(rows), -1)


def _later_warnings(directory: Path, folders: Mapping[str, Path]) -> list[str]:
    """Return the warnings of the clusterings that were added to a run later."""
    later = [folder for folder in dict.fromkeys(folders.values()) if folder != directory]
    return [text for folder in later for text in (runs.read_status(folder) or {})["warnings"]]


def _losses(directory: Path, status: Mapping[str, Any]) -> Markup | None:
    losses = runs.read_losses(directory)
    if not losses:
        return None
    figure = draw_losses(losses, status.get("loss_name", "loss"))
    return embedded(figure, "losses against epochs")


def _estimates(directory: Path, folders: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Return the numbers of clusters that were estimated, for the run and for later clusterings."""
    found = []
    for folder in dict.fromkeys([directory, *folders.values()]):
        estimate = (runs.read_status(folder) or {}).get("estimate")
        rows = runs.read_agreement(folder)
        if not (estimate and rows):
            continue
        k = int(estimate["n_clusters"])
        if k == runs.read_config(folder).n_clusters:  # not changed by `fmclust.resume`
            chart = embedded(draw_agreement(rows, k), "agreement of halves against k")
            agreement = f"{float(estimate['agreement']):.2f}"
            where = "" if folder == directory else folder.name
            found.append({"where": where, "k": k, "agreement": agreement, "chart": chart})
    return found


def _facts(directory: Path, config: DictConfig, status: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return how the run was made: name and text."""
    seconds = runs.read_metrics(directory).get("time/total", 0.0)
    height, width = status["image_size"]
    environments = status["environments"]
    known = {
        "typed": " ".join(runs.read_overrides(directory)) or "(nothing)",
        "images": f"{images_text(status)}; {height}x{width}, {config.data._target_}",
        **_brightness(status),
        "epochs": status.get("epochs", "none"),
        "clusters": _numbers_of_clusters(directory),
        "seed": config.seed,
        **_typed_later(directory),
        "seconds": f"{seconds:.0f}",
        "processor": "; then ".join(map(_processor, environments)),
        "versions": "; then ".join(dict.fromkeys(map(_versions, environments))),
        **{f"model.{k}": v for k, v in config.model.items() if k not in ("_target_", "name")},
        "directory": directory,
    }
    return [(key, str(value)) for key, value in known.items()]


def _numbers_of_clusters(directory: Path) -> str:
    """Return the number of clusters, or of each clustering if they differ."""
    numbers = {name: c["n_clusters"] for name, c in runs.read_clusterings(directory).items()}
    if len({*numbers.values()}) == 1:
        return str(next(iter(numbers.values())))
    return ", ".join(f"{number} ({name})" for name, number in numbers.items())


def _typed_later(directory: Path) -> dict[str, str]:
    """Return name to what was typed for each clustering that was added to the run later."""
    folders = dict.fromkeys(runs.clustered_in(directory).values())
    return {
        f"clustered later, {folder.name}": " ".join(
            text for text in runs.read_overrides(folder) if not text.startswith("run=")
        )
        for folder in folders
        if folder != directory
    }


def _brightness(status: Mapping[str, Any]) -> dict[str, str]:
    """Return the ranges by which pixels deeper than 8 bits were scaled, by pixel type."""
    ranges = status.get("ranges") or {}
    return {f"{kind} pixels": f"{low:g} to {high:g}" for kind, (low, high) in ranges.items()}


def _processor(environment: Mapping[str, Any]) -> str:
    return f"{environment['gpu'] or environment['cpu']}, {environment['threads']} threads"


def _versions(environment: Mapping[str, Any]) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in environment["packages"].items())
    return f"Python {environment['python']}, {packages}"
