"""A figure for the run directory and TensorBoard alike."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

from fmclust.runs import Run, replacing


def publish(
    run: Run,
    writer: SummaryWriter | None,
    tag: str,
    figure: Figure,
    step: int,
    *,
    file_name: str | None = None,
) -> None:
    """Saves a figure below `figures/` and, where there is a writer, shows it in TensorBoard.

    Args:
        run: Whose directory it is saved in.
        writer: TensorBoard's, or None.
        tag: The figure's name, such as `gmm/test/confusion_raw`.
        figure: What to save.
        step: TensorBoard's step.
        file_name: Name of the file without `.png`; the tag with `_` for `/` by default.
    """
    name = file_name or tag.replace("/", "_")
    with replacing(run.directory / "figures" / f"{name}.png") as partial:
        figure.savefig(partial, dpi=120)
    if writer is not None:
        FigureCanvasAgg(figure)
        writer.add_figure(tag, figure, step)
