"""Features of a network of torchvision, with random weights and without a network connection."""

import re
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision

from fmclust.errors import UserError
from fmclust.models import Pretrained, encode_all, load_weights, save_weights

NAME = "mobilenet_v3_small"


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    made: torch.nn.Module = torchvision.models.get_model(NAME, weights=None)
    return made.eval()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "weights.pt"
    torch.save(network().state_dict(), path)
    return path


def pretrained(
    weights: Path | str = "DEFAULT", backbone: str = NAME, precision: str = "float32"
) -> Pretrained:
    return Pretrained(
        image_shape=[3, 40, 50], backbone=backbone, weights=str(weights), encode_precision=precision
    )


def test_features_are_those_before_the_last_layer(weights: Path) -> None:
    encoder = pretrained(weights)
    encoder.fetch_weights()
    images = torch.randint(0, 256, (3, 3, 40, 50), dtype=torch.uint8)
    latents = torch.from_numpy(encode_all(encoder, images))
    assert latents.shape == (3, 1024) and latents.std() > 0
    whole = network()
    prepared = torchvision.models.get_model_weights(NAME).DEFAULT.transforms()(images)
    with torch.inference_mode():
        expected = whole(prepared)
        found = whole.get_submodule("classifier.3")(latents)
    assert torch.allclose(found, expected, atol=1e-5)


def test_gray_images_get_three_channels(weights: Path) -> None:
    encoder = pretrained(weights)
    encoder.fetch_weights()
    gray = torch.randint(0, 256, (2, 1, 40, 50), dtype=torch.uint8)
    assert (encode_all(encoder, gray) == encode_all(encoder, gray.expand(-1, 3, -1, -1))).all()


def test_bfloat16_is_near(weights: Path) -> None:
    images = torch.randint(0, 256, (2, 3, 40, 50), dtype=torch.uint8)
    found = []
    for precision in ("float32", "bf16"):
        encoder = pretrained(weights, precision=precision)
        encoder.fetch_weights()
        found.append(torch.from_numpy(encode_all(encoder, images)))
    assert found[1].dtype == torch.float32
    first, second = found
    similarity = torch.nn.functional.cosine_similarity(first, second)
    assert similarity.min() > 0.99 and not torch.equal(first, second)


@pytest.mark.parametrize(
    ("backbone", "old"),
    [("mnasnet0_5", r"(layers)\.(x)"), ("densenet121", r"(denselayer\d+\.(?:norm|conv))([12]\.)")],
)
def test_files_of_any_version_are_read(backbone: str, old: str, tmp_path: Path) -> None:
    state = torchvision.models.get_model(backbone, weights=None).state_dict()
    kept = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    torch.save({re.sub(old, r"\1.\2", k): v for k, v in kept.items()}, tmp_path / "a.pt")
    encoder, copy = (pretrained(tmp_path / "a.pt", backbone) for _ in range(2))
    encoder.fetch_weights()
    name = next(iter(state))
    assert torch.equal(encoder.network.state_dict()[name], state[name])
    save_weights(encoder, tmp_path / "copy.ckpt")
    load_weights(copy, tmp_path / "copy.ckpt")
    assert torch.equal(copy.network.state_dict()[name], state[name])


def test_a_vision_transformer_is_of_the_size_that_its_weights_ask() -> None:
    with torch.device("meta"):
        encoder = pretrained(backbone="vit_h_14")
    assert encoder.network.image_size == 518


@pytest.mark.parametrize(
    "backbone", ["resnet18", "densenet121", "vit_b_16", "swin_t", "convnext_tiny", "inception_v3"]
)
def test_the_last_layer_of_any_kind_of_network_is_left_out(backbone: str) -> None:
    encoder = pretrained(backbone=backbone)
    kept = encoder.network.get_submodule(encoder.head)
    assert isinstance(kept, torch.nn.Identity)


def test_the_copy_in_a_run_gives_the_same_weights(weights: Path, tmp_path: Path) -> None:
    encoder, copy = pretrained(weights), pretrained(weights)
    encoder.fetch_weights()
    save_weights(encoder, tmp_path / "copy.ckpt")
    load_weights(copy, tmp_path / "copy.ckpt")
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, copy.state_dict()[name])


def test_a_head_of_other_classes_and_a_checkpoint_are_accepted(tmp_path: Path) -> None:
    state = network().state_dict()
    head = {"classifier.3.weight": torch.zeros(7, 1024), "classifier.3.bias": torch.zeros(7)}
    torch.save({"state_dict": state | head, "epoch": 3}, tmp_path / "a.pt")
    parallel = {f"module.{name}": value for name, value in state.items()}
    torch.save(parallel, tmp_path / "parallel.pt")
    for path in (tmp_path / "a.pt", tmp_path / "parallel.pt"):
        encoder = pretrained(path)
        encoder.fetch_weights()
        assert torch.equal(encoder.network.features[0][0].weight, state["features.0.0.weight"])


def test_mistakes_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"model\.backbone=resnet19.*resnet1"):
        pretrained(backbone="resnet19")
    with pytest.raises(UserError, match=r"squeezenet1_0 ends in a layer .*resnet18"):
        pretrained(backbone="squeezenet1_0")
    with pytest.raises(UserError, match=r"model\.encode_precision"):
        pretrained(precision="bf17")
    torch.save({"layer.weight": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(
        UserError, match=r"model\.backbone=mobilenet_v3_small does not fit .*model\.backbone="
    ) as caught:
        pretrained(tmp_path / "other.pt").fetch_weights()
    assert len(str(caught.value)) < 400
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({"layer": Path("x")}, tmp_path / "objects.pt")
    (tmp_path / "text.pt").write_text("no weights")
    for name in ("list.pt", "objects.pt", "text.pt"):
        with pytest.raises(UserError, match="can't be read") as caught:
            pretrained(tmp_path / name).fetch_weights()
        assert "weights_only" not in str(caught.value)

    def no_network(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", no_network)
    with pytest.raises(UserError, match=r"can't be downloaded.*http.*model\.weights=<that file>"):
        pretrained().fetch_weights()
