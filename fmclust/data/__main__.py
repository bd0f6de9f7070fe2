"""`python -m fmclust.data [root]`: gets Fashion-MNIST if it is not here, and verifies it."""

import logging
import sys
from pathlib import Path

from fmclust.data.mnist_family import locate_or_download, read_verified
from fmclust.errors import UserError


def main(root: str = "data") -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        folder = locate_or_download(Path(root))
        read_verified(folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Fashion-MNIST: {folder} (sha256 verified)")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
