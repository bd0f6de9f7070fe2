"""Every option in `conf/` composes, and a wrong one is refused."""

import pytest
from conftest import composed
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from hydra.utils import get_class
from omegaconf import OmegaConf
from omegaconf.errors import ConfigKeyError

from fmclust.config.schema import conf_directory
from fmclust.jobs.sweep import planned_jobs

GROUPS = ("data", "trainer", "experiment")  # those of the others run in test_options.py
OPTIONS = [
    f"{group}={path.stem}" for group in GROUPS for path in (conf_directory() / group).glob("*.yaml")
]


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_composes(option: str) -> None:
    config = composed(option)
    missing = OmegaConf.missing_keys(config)
    assert missing <= {"data.root"}, "only what the user must name may be missing"


@pytest.mark.parametrize("name", ["kmeans", "gmm"])
def test_all_parameters_of_an_estimator_are_open_to_overrides(name: str) -> None:
    config = composed(f"cluster={name}").cluster[name]
    parameters = get_class(config["_target_"])().get_params()
    assert set(config) - {"_target_"} == set(parameters)


@pytest.mark.parametrize(
    "override", ["sed=1", "model.latent=5", "cluster.gmm.n_ini=3", "trainer.max_epoch=3"]
)
def test_unknown_keys_are_refused(override: str) -> None:
    with pytest.raises((ConfigCompositionException, ConfigKeyError)):
        composed(override)


@pytest.mark.parametrize("override", ["seed=one", "threads=2.5"])
def test_wrong_types_are_refused(override: str) -> None:
    with pytest.raises(ConfigCompositionException):
        composed(override)


@pytest.mark.parametrize(("name", "n_jobs"), [("tuning", 16), ("models", 6)])
def test_every_job_of_a_sweeping_experiment_composes(name: str, n_jobs: int) -> None:
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        config = compose("config", [f"experiment={name}"], return_hydra_config=True)
        jobs = planned_jobs(config)
    assert config.hydra.mode.name == "MULTIRUN"
    assert jobs is not None and len(jobs) == n_jobs
    for job in jobs:
        assert composed(*job).seed == 0
