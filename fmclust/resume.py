"""Going on with a stopped run from its last epoch-end checkpoint, with its saved configuration.

`python -m fmclust.resume run=outputs/<date>/<time>`
"""

import os
from pathlib import Path

from omegaconf import DictConfig

from fmclust.entry import command
from fmclust.errors import UserError


def resume(config: DictConfig) -> float:
    """Goes on with a run; one that is finished stays as it is."""
    from fmclust.runs import CLUSTERINGS, read_status

    if not isinstance(config.run, str):
        raise UserError(f"run={config.run} is no directory: type run=<a run's directory>.")
    directory = Path(os.path.abspath(config.run))  # as checkpoints name it
    if directory.parent.name == CLUSTERINGS:
        raise UserError(f"{directory} is a clustering: type python -m fmclust.cluster once more.")
    status = read_status(directory)
    if status is not None and status["status"] == "done":
        print(f"{directory} is finished already: nothing was done.")
        return status["objective"]

    from pytorch_lightning.utilities import rank_zero_only

    from fmclust.job import resume_job  # torch and Lightning, only where there is work
    from fmclust.reports import print_run

    objective = resume_job(directory)
    rank_zero_only(print_run)(directory)
    return objective


main = command("resume", resume)

if __name__ == "__main__":
    main()
