"""Decoding photos beside torchvision's ImageFolder: `python -m benchmarks.pictures [number]`.

Links to a few JPEG files of 640 x 480 pixels, read into colour images of 64 x 64. Each contender is
a process of its own that uses all cores.
"""

import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks.measure import run_python, section, targets
from fmclust.reports.markdown import table

N_LINKS, N_FILES, ROUNDS, BOUND = 10_000, 20, 2, 2.0
OURS = """
import sys
from fmclust.data import PictureFolder
source = PictureFolder(root=sys.argv[1], image_size=64, color="rgb")
print(sum(len(split) for split in source.splits.values()))
"""
USUAL = """
import os, sys
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
steps = [transforms.Resize((64, 64)), transforms.PILToTensor()]
folder = datasets.ImageFolder(sys.argv[1], transforms.Compose(steps))
loader = DataLoader(folder, batch_size=256, num_workers=len(os.sched_getaffinity(0)))
print(sum(len(images) for images, _ in loader))
"""


def make_links(root: Path, n: int) -> None:
    """Write JPEG files of smooth noise, and n links to them in two folders."""
    rng = np.random.default_rng(0)
    (root / "files").mkdir()
    for number in range(N_FILES):
        coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8))
        photo = coarse.resize((640, 480), Image.Resampling.BICUBIC)
        photo.save(root / "files" / f"{number}.jpg", quality=90)
    for number in range(n):
        folder = root / "links" / f"class{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06}.jpg").symlink_to(root / "files" / f"{number % N_FILES}.jpg")


def main(n_links: int = N_LINKS) -> str:
    """Measure; return the section of the results."""
    contenders = {"fmclust": OURS, "ImageFolder and DataLoader": USUAL}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    peaks: dict[str, list[int]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as folder:
        make_links(Path(folder), n_links)
        for _ in range(ROUNDS):
            for name, code in contenders.items():
                process = run_python(["-c", code, f"{folder}/links"])
                assert int(process.output.splitlines()[-1]) == n_links
                seconds[name].append(process.seconds)
                peaks[name].append(process.peak)
                print(f"  {name}: {process.seconds:.1f} s", flush=True)
    cores = len(psutil.Process().cpu_affinity())
    rows = []
    for name, of_rounds in seconds.items():
        median = statistics.median(of_rounds)
        rate, peak = n_links / median / cores, max(peaks[name]) / 1e9
        rows.append([name, f"{median:.1f}", f"{rate:.0f}", f"{peak:.2f}"])
    ratio = statistics.median(seconds["ImageFolder and DataLoader"]) / statistics.median(
        seconds["fmclust"]
    )
    return section(
        f"Decoding {n_links:,} JPEG files of 640 x 480 into 64 x 64 ({ROUNDS} rounds)",
        table(["", "s", "pictures a second and core", "peak of the main process, GB"], rows),
        targets((f"at least {BOUND:.0f} x as fast: {ratio:.2f} x", ratio >= BOUND)),
    )


if __name__ == "__main__":
    print(main(*map(int, sys.argv[1:])))
