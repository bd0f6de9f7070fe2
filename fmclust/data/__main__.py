"""Find or download Fashion-MNIST and verify it: `python -m fmclust.data [root]`."""

import logging
import sys

from fmclust.data.mnist_family import FashionMNIST
from fmclust.errors import UserError, complain


def main(root: str = "data") -> int:
    """Print where the verified files are; return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    source = FashionMNIST(root=root)
    try:
        folder = source.locate()
        source.read_files(folder)
    except UserError as error:
        return complain(str(error))
    print(f"Fashion-MNIST: {folder} (sha256 verified)")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
