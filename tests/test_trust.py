"""What a `_target_` in a config may be."""

import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from fmclust.errors import UserError
from fmclust.trust import build, build_all


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "joblib.load",
        "builtins.eval",
        "sklearn.utils.joblib.load",
        "sklearn.datasets.load_files",
        "fmclust.errors.UserError",
        "pytorch_lightning.Trainer",
        "sklearn.cluster._kmeans.np.save",
    ],
)
def test_what_is_no_estimator_of_ours_is_refused(target: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is refused|not found"):
        build(OmegaConf.create({"_target_": target}), BaseEstimator)


def test_a_target_hidden_deeper_is_refused() -> None:
    config = {
        "_target_": "fmclust.clustering.pipeline",
        "first": {"_target_": "joblib.load", "filename": "x"},
    }
    with pytest.raises(UserError, match="joblib.load is refused"):
        build(OmegaConf.create(config), BaseEstimator)


def test_a_target_that_is_named_by_an_interpolation_is_refused() -> None:
    config = OmegaConf.create(
        {
            "elsewhere": {"_target_": "shutil.copyfile", "src": "a", "dst": "b"},
            "gmm": {"_target_": "sklearn.mixture.GaussianMixture", "verbose": "${elsewhere}"},
        }
    )
    with pytest.raises(UserError, match="shutil.copyfile is refused"):
        build(config.gmm, BaseEstimator)


def test_a_cache_of_pickles_is_refused() -> None:
    linked = {"_target_": "sklearn.cluster.AgglomerativeClustering", "memory": "run/cache"}
    for config in (linked, {"_target_": "fmclust.clustering.pipeline", "last": linked}):
        with pytest.raises(UserError, match="memory= is refused"):
            build(OmegaConf.create(config), BaseEstimator)


def test_a_pipeline_has_named_steps_that_can_be_removed() -> None:
    config = {
        "_target_": "fmclust.clustering.pipeline",
        "whiten": {"_target_": "sklearn.decomposition.PCA", "whiten": True},
        "estimator": {"_target_": "sklearn.cluster.KMeans", "n_clusters": 3},
    }
    whole = build(OmegaConf.create(config), BaseEstimator)
    assert isinstance(whole["whiten"], PCA) and isinstance(whole["estimator"], KMeans)
    shorter = build(OmegaConf.create(config | {"whiten": None}), BaseEstimator)
    assert [name for name, _ in shorter.steps] == ["estimator"]


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("umap.UMAP", "needs the extra manifold: type pip install 'fmclust\\[manifold\\]'"),
        ("sklearn.cluster.KMean", "sklearn.cluster.KMean is not found"),
        ("sklearn.clusters.KMeans", "not found"),
        ("sklearn..KMeans", "not found"),
    ],
)
def test_what_is_not_installed_or_not_there_is_said_once(
    target: str,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(UserError, match=text):
        build(OmegaConf.create({"_target_": target}), BaseEstimator)
    assert not caplog.records and capfd.readouterr() == ("", "")


def test_null_entries_are_left_out() -> None:
    configs = OmegaConf.create({"a": None, "b": {"_target_": "sklearn.cluster.KMeans"}})
    assert list(build_all(configs, BaseEstimator)) == ["b"]


def test_a_package_of_ones_own_is_trusted_by_the_environment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(
        "from sklearn.base import BaseEstimator\n"
        "class Mine(BaseEstimator):\n"
        "    pass\n"
        "class Other:\n"
        "    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    mine, other = (OmegaConf.create({"_target_": f"mine.{name}"}) for name in ("Mine", "Other"))
    with pytest.raises(UserError, match="FMCLUST_TRUST="):
        build(mine, BaseEstimator)
    monkeypatch.setenv("FMCLUST_TRUST", "another, mine")
    assert type(build(mine, BaseEstimator)).__name__ == "Mine"
    with pytest.raises(UserError, match="mine.Other is refused"):
        build(other, BaseEstimator)
