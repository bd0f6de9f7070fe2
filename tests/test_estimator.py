"""ImageClusterer: arrays and paths in, clusters in the order of the images, nothing left behind."""

import gc
import logging
import os
import pickle
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import python, write_idx
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from layout import status_of
from numpy.typing import NDArray
from PIL import Image
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from fmclust import ImageClusterer, load_run
from fmclust.errors import UserError

CPU = ["trainer=cpu", "figures=false", "data.batch_size=16"]
PIXELS = {"n_clusters": 3, "model": "pixels", "cluster": "kmeans", "verbose": False}
NAMES = [f"{row}.png" for row in range(60)]
KINDS = np.arange(60) % 3


@pytest.fixture
def images() -> NDArray[np.uint8]:
    """Three kinds of stripes, in turn."""
    rng = np.random.default_rng(0)
    kinds = np.stack([np.eye(16, k=k) + np.eye(16, k=k - 1) for k in (-8, 0, 8)]) * 200
    return (kinds[KINDS] + rng.integers(0, 20, (60, 16, 16))).clip(0, 255).astype(np.uint8)


def clusterer(**settings: object) -> ImageClusterer:
    given = {**PIXELS, "overrides": CPU, **settings}
    return ImageClusterer(**given)  # type: ignore[arg-type]  # of several types


def test_labels_and_latents_are_in_the_order_of_the_images(images: NDArray[np.uint8]) -> None:
    fitted = clusterer().fit(images)
    assert adjusted_rand_score(KINDS, fitted.labels_) == 1
    assert fitted.image_names_ == [str(row) for row in range(60)]
    assert np.allclose(fitted.latents_, images.reshape(60, -1) / 255)
    assert np.array_equal(fitted.predict(images), fitted.labels_)
    assert np.array_equal(fitted.transform(images), fitted.latents_)
    assert fitted.predict(images[:0]).shape == (0,) and fitted.transform(images[:0]).shape[0] == 0
    assert status_of(fitted.run_.directory)["status"] == "done"
    assert (fitted.run_.directory / "report.html").exists()


@pytest.mark.parametrize("kind", ["channel", "floats", "colour", "inverted"])
def test_any_array_gives_the_same_clusters(images: NDArray[np.uint8], kind: str) -> None:
    arrays: dict[str, NDArray[Any]] = {
        "channel": images[..., None],
        "floats": images / 255,
        "colour": np.repeat(images[..., None], 3, axis=3),
        "inverted": 255 - images,
    }
    given = arrays[kind]
    overrides = [*CPU, "data.invert=true"] if kind == "inverted" else CPU
    fitted = clusterer(overrides=overrides)
    assert adjusted_rand_score(KINDS, fitted.fit_predict(given)) == 1
    assert np.array_equal(fitted.predict(given), fitted.labels_)
    assert np.allclose(fitted.transform(given[:3]), images[:3].reshape(3, -1) / 255, atol=1e-6)


def test_a_path_is_read_as_on_the_command_line(
    images: NDArray[np.uint8], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for row, image in enumerate(images):
        folder = tmp_path / "my pictures, 1" / "abc"[KINDS[row]]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{row}.png")
    fitted = clusterer(overrides=[*CPU, "data.image_size=16"]).fit(tmp_path / "my pictures, 1")
    assert capsys.readouterr().out == ""  # not verbose
    rows = [int(Path(name).stem) for name in fitted.image_names_]
    assert adjusted_rand_score(KINDS[rows], fitted.labels_) == 1
    assert fitted.run_.scores["kmeans/train/accuracy"] == 1
    assert np.array_equal(fitted.predict(tmp_path / "my pictures, 1"), fitted.labels_)
    again = fitted.predict(tmp_path / "my pictures, 1" / "a")
    assert again.shape == (20,) and len({*again.tolist()}) == 1
    (tmp_path / "my pictures, 1" / "a" / "broken.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"1 files.*broken\.png"):
        assert np.array_equal(fitted.predict(tmp_path / "my pictures, 1" / "a"), again)
    shutil.copytree(tmp_path / "my pictures, 1" / "a", tmp_path / "b", ignore=lambda *_: NAMES)
    with pytest.raises(UserError, match="no image can be read"):
        fitted.transform(tmp_path / "b")


@pytest.mark.parametrize("kind", ["arrays", "idx", "tables"])
def test_a_folder_of_files_is_predicted_as_it_was_fitted(
    kind: str, images: NDArray[np.uint8], tmp_path: Path
) -> None:
    if kind == "arrays":
        np.save(tmp_path / "a.npy", images)
    elif kind == "idx":
        write_idx(tmp_path / "train-images-idx3-ubyte", images[:40])
        write_idx(tmp_path / "t10k-images-idx3-ubyte", images[40:])
    else:
        for name, part in {"train": images[:40], "test": images[40:]}.items():
            frame = pd.DataFrame(part.reshape(len(part), -1)).add_prefix("pixel")
            frame.to_csv(tmp_path / f"{name}.csv", index=False)
    fitted = clusterer().fit(tmp_path)
    assert adjusted_rand_score(KINDS, fitted.labels_) == 1
    assert np.array_equal(fitted.predict(tmp_path), fitted.labels_)
    assert np.array_equal(fitted.transform(tmp_path), fitted.latents_)


def test_values_outside_the_range_of_the_fit_are_named(images: NDArray[np.uint8]) -> None:
    fitted = clusterer().fit(images / 255)
    with pytest.warns(UserWarning, match="the run has seen 0 to 1"):
        fitted.predict(images.astype(float))


def test_the_range_of_the_fit_serves_other_types_of_numbers(images: NDArray[np.uint8]) -> None:
    few = (images // 13).astype(float)  # 0 to 16 or so, as scikit-learn's digits
    fitted = clusterer().fit(few)
    for kind in (np.float32, np.int64, np.uint8):
        assert np.array_equal(fitted.predict(few.astype(kind)), fitted.labels_)
    assert np.array_equal(fitted.predict(images / 255), fitted.predict(images))
    dark = images[:1] // 5  # scaled alike, whatever else is in the batch
    fitted = clusterer().fit(images)
    assert np.allclose(fitted.transform(dark / 255), fitted.transform(dark))
    assert np.array_equal(fitted.transform(dark.astype(int)), fitted.transform(dark))


def test_it_can_be_pickled_and_sorts(images: NDArray[np.uint8], tmp_path: Path) -> None:
    overrides = [*CPU, f"sort_into={tmp_path}/sorted"]
    settings = {"model": "convae", "max_epochs": 1, "directory": tmp_path / "run"}
    seed = np.random.RandomState(3)
    fitted = clusterer(**settings, overrides=overrides, random_state=seed).fit(images)
    assert len([*(tmp_path / "sorted").glob("*/*.png")]) == 60
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict(images), fitted.labels_)
    assert clusterer(overrides="data.batch_size=16").fit(images).labels_.shape == (60,)


def test_a_copy_predicts_without_the_directory(images: NDArray[np.uint8], tmp_path: Path) -> None:
    fitted = clusterer(cluster="gmm", model="vanilla", max_epochs=1, random_state=np.int64(3))
    fitted.fit(images)
    assert fitted.run_.config.seed == 3
    (tmp_path / "fitted.pickle").write_bytes(pickle.dumps(fitted))
    labels = fitted.labels_
    del fitted
    gc.collect()
    path = tmp_path / "fitted.pickle"
    again = pickle.loads(path.read_bytes())
    assert not again.run_.directory.exists()
    assert np.array_equal(again.predict(images), labels)


def test_a_fit_that_fails_leaves_the_one_before(images: NDArray[np.uint8]) -> None:
    fitted = clusterer().fit(images)
    with pytest.raises(UserError, match="too few images, 3"):
        fitted.fit(images[:3])
    assert fitted.run_.directory.exists()
    assert np.array_equal(fitted.predict(images), fitted.labels_)


def test_fits_in_threads_do_not_disturb_each_other(images: NDArray[np.uint8]) -> None:
    def labels(seed: int) -> NDArray[np.int64]:
        settings = {"model": "vanilla", "max_epochs": 1, "random_state": seed}
        return clusterer(**settings).fit(images).labels_

    alone = [labels(seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(labels, range(3)))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_a_directory_is_kept_and_never_written_over(
    images: NDArray[np.uint8], tmp_path: Path
) -> None:
    kept = clusterer(directory=tmp_path / "kept", cluster=["kmeans", "gmm"]).fit(images)
    assert load_run(tmp_path / "kept").clusterers == ("kmeans", "gmm")
    with pytest.raises(UserError, match="not empty"):
        clusterer(directory=tmp_path / "kept").fit(images)
    temporary = clusterer().fit(images)
    place = temporary.run_.directory
    del temporary
    gc.collect()  # it may be in a cycle
    assert kept.run_.directory.exists() and not place.exists()


def test_two_fits_are_equal_and_leave_nothing_behind(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(ConfigStore.instance().repo)
    loggers = (logging.getLogger().handlers[:], logging.getLogger("fmclust").level)
    np.random.seed(3)
    torch.manual_seed(3)
    settings = {"model": "convae", "max_epochs": 2, "cluster": "gmm", "verbose": True}
    first = clusterer(**settings).fit(images)
    assert "epoch 2/2" in capsys.readouterr().out
    drawn = np.random.random(), float(torch.rand(()))
    np.random.seed(3)
    torch.manual_seed(3)
    assert drawn == (np.random.random(), float(torch.rand(())))
    second = clusterer(**settings | {"verbose": False}).fit(images)
    assert np.array_equal(first.latents_, second.latents_) and first.latents_.shape == (60, 10)
    assert "epoch" not in capsys.readouterr().out
    other = clusterer(**settings, random_state=1).fit(images)
    assert not np.array_equal(first.latents_, other.latents_)
    assert str(ConfigStore.instance().repo) == store
    assert not GlobalHydra.instance().is_initialized()
    assert (logging.getLogger().handlers, logging.getLogger("fmclust").level) == loggers


def test_it_works_within_another_hydra_application(
    images: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "app.yaml").write_text("n: 3\n")
    monkeypatch.setattr(sys, "argv", ["app", f"hydra.run.dir={tmp_path}/out", "n=3"])
    labels = []

    def app(config: object) -> None:
        labels.append(clusterer(n_clusters=config.n).fit_predict(images))  # type: ignore[attr-defined]
        labels.append(clusterer(n_clusters=config.n).fit_predict(images))  # type: ignore[attr-defined]
        assert HydraConfig.get().job.config_name == "app"

    hydra.main(config_path=str(tmp_path / "conf"), config_name="app", version_base="1.3")(app)()
    assert np.array_equal(*labels) and adjusted_rand_score(KINDS, labels[0]) == 1


def test_parameters_are_those_of_scikit_learn() -> None:
    made = clusterer(n_clusters=7, random_state=None)
    copy = clone(made).set_params(max_epochs=3)
    assert copy.get_params()["n_clusters"] == 7 and made.max_epochs == 45
    assert not hasattr(copy, "labels_")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"model": "convea"}, "model=convae"),
        ({"cluster": "kmean"}, "cluster=kmeans"),
        ({"n_clusters": 0}, "n_clusters="),
        ({"overrides": ["model.latnts=3"]}, "model.latnts"),
        ({"max_epochs": 0}, "trainer.max_epochs"),
    ],
)
def test_a_mistake_is_named(
    settings: dict[str, object], named: str, images: NDArray[np.uint8]
) -> None:
    with pytest.raises(UserError, match=named):
        clusterer(**settings).fit(images)


def test_a_directory_may_be_used_again_after_a_mistake(
    images: NDArray[np.uint8], tmp_path: Path
) -> None:
    for mistake in ("figures=flase", "~callbacks.cluster_latents", "n_clusters=0"):
        with pytest.raises(UserError, match=r"figures=|callbacks\.cluster_latents|n_clusters="):
            clusterer(directory=tmp_path / "a", overrides=[*CPU, mistake]).fit(images)
    assert clusterer(directory=tmp_path / "a").fit(images).run_.is_done


def test_names_that_are_no_text_are_told_apart(tmp_path: Path, images: NDArray[np.uint8]) -> None:
    (tmp_path / "in").mkdir()
    for number, image in enumerate(images[:20]):
        name = os.fsdecode(b"\x83\x65" + bytes([0x90 + number]) + b".png")
        Image.fromarray(image).save(tmp_path / "in" / name)
    overrides = [*CPU, f"sort_into={tmp_path / 'out'}"]
    fitted = clusterer(overrides=overrides).fit(tmp_path / "in")
    assert len({*fitted.image_names_}) == 20
    assert np.array_equal(fitted.latents_, fitted.transform(tmp_path / "in"))
    made = [*(tmp_path / "out").glob("*/*")]
    assert len(made) == 20 and all(path.is_symlink() for path in made)


def test_arrays_that_are_no_images_are_refused(images: NDArray[np.uint8]) -> None:
    with pytest.raises(UserError, match=r"\(60, 256\)"):
        clusterer().fit(images.reshape(60, -1))
    fitted = clusterer().fit(images)
    with pytest.raises(UserError, match=r"\(N, 16, 16\)"):
        fitted.predict(images[:, :8])
    with pytest.raises(UserError, match="-1000 to"):
        fitted.predict(images * 3.0 - 1000)


def test_importing_the_package_imports_no_torch(tmp_path: Path) -> None:
    script = "import fmclust, sys; print('torch' in sys.modules)"
    done = python("-c", script, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("False"), done.stderr
