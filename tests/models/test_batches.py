"""Latents depend on the image alone: on no batch, on no device."""

import numpy as np
import pytest
import torch
from conftest import Finished

from fmclust import load_run
from fmclust.data import Digits
from fmclust.models import batches, encode_all


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    data = Digits()
    return data.splits["train"].images


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_latents_depend_on_no_batch_size(
    batch: int, images: torch.Tensor, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load_run(finished.directory)
    monkeypatch.setattr(batches, "BATCH", batch)
    np.testing.assert_allclose(encode_all(run.encoder, images), run.latents["train"], atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_latents_depend_on_no_device(images: torch.Tensor, finished: Finished) -> None:
    model = load_run(finished.directory).encoder
    on_cpu, on_gpu = (encode_all(model.to(device), images) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-4)
