"""A figure for the run directory and TensorBoard alike."""

import io
import struct
from collections.abc import Callable

from matplotlib.figure import Figure
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from fmclust.runs import Run, replacing

DPI = 120


def publish(
    run: Run,
    writer: SummaryWriter | None,
    tag: str,
    draw: Callable[[], Figure | None],
    *,
    step: int,
) -> None:
    """Saves a figure below `figures/` and, where there is a writer, shows it in TensorBoard.

    Args:
        run: Whose directory it is saved in; nothing is drawn where it wants no figures.
        writer: TensorBoard's, or None.
        tag: The figure's name, such as `gmm/test/confusion_raw`; the file has `_` for `/`.
        draw: Makes the figure; None where there is nothing to show.
        step: TensorBoard's step.
    """
    if not run.wants_figures:
        return
    buffer = io.BytesIO()
    with run.timed("figures"):
        figure = draw()
        if figure is None:
            return
        figure.savefig(buffer, dpi=DPI, format="png", bbox_inches="tight")
    png = buffer.getvalue()
    name = tag.replace("/", "_")
    with replacing(run.directory / "figures" / f"{name}.png") as partial:
        partial.write_bytes(png)
    if writer is not None:  # the same bytes: drawing is what takes the time
        width, height = struct.unpack(">II", png[16:24])  # of the header
        image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
        summary = Summary(value=[Summary.Value(tag=tag, image=image)])
        writer._get_file_writer().add_summary(summary, step)
