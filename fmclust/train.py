"""The main job: images to latents to clusters to scores, in a directory of its own.

`python -m fmclust.train model=convae cluster=gmm`
"""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from fmclust.entry import command


def train(config: DictConfig) -> float:
    """Runs the job that the command line describes, in the directory that Hydra made for it."""
    from fmclust.job import run_job  # torch and Lightning, which `--help` does without

    hydra = HydraConfig.get()
    return run_job(config, Path(hydra.runtime.output_dir), list(hydra.overrides.task))


main = command("config", train)

if __name__ == "__main__":
    main()
