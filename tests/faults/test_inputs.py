"""Whatever is typed, named or labelled: it works, or it is refused in one line."""

import itertools
import json
import string
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, Answer, composed, write_idx
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from fmclust.config.command import quote_path
from fmclust.data import IdxFiles
from fmclust.errors import UserError

REACHED = "everything is found to be good"
QUICK, LONG = 12, 500  # examples


def leaves(config: DictConfig, above: str = "") -> list[str]:
    """Name every value of a configuration."""
    found = []
    for key in map(str, config):
        name = f"{above}{key}"
        child = None if OmegaConf.is_missing(config, key) else config[key]
        found += leaves(child, f"{name}.") if isinstance(child, DictConfig) else [name]
    return found


KEYS = [
    key
    for key in leaves(composed(*SMALL, "cluster=[kmeans,gmm]", "data=idx"))
    if not key.endswith("_target_")
]
VALUES = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["null", "true", "false", "[]", "{}", "[1,2]", "{a:1}", "''", "1e999", "-0"]),
    st.text(string.ascii_letters + string.digits + "äß/._-", max_size=9),
    st.text(max_size=9).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.lists(st.integers() | st.floats(), max_size=3).map(str),
)


@pytest.fixture
def typed_value(
    command_line: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str, str], None]:
    """Type a value, up to where training or clustering would begin."""

    def reached(*arguments: object, **options: object) -> None:
        raise UserError(REACHED)

    monkeypatch.setattr("pytorch_lightning.Trainer.fit", reached)
    monkeypatch.setattr("fmclust.jobs.run.encode_images", reached)
    write_idx(tmp_path / "own" / "train-images-idx3-ubyte", np.ones((40, 8, 8)))
    numbers = itertools.count()

    def type_in(key: str, value: str) -> None:
        small = ("trainer=cpu", "data=idx", "data.root=own", "n_clusters=3", "model.kernel=4")
        where = f"hydra.run.dir=runs/{next(numbers)}"
        typed = (*small, "model.stride=2", "cluster=[kmeans,gmm]", where, f"{key}={value}")
        answer = command_line("train", *typed)
        assert answer.status == 2, (key, value, answer.err)
        assert answer.err.count("\n") == 1 and answer.err.startswith("fmclust: "), answer.err

    return type_in


WITH_FIXTURES = [HealthCheck.function_scoped_fixture]


@settings(max_examples=QUICK, suppress_health_check=WITH_FIXTURES)
@given(key=st.sampled_from(KEYS), value=VALUES)
def test_any_value_of_any_key(
    key: str, value: str, typed_value: Callable[[str, str], None]
) -> None:
    typed_value(key, value)


@pytest.mark.long
@settings(max_examples=LONG, derandomize=False, suppress_health_check=WITH_FIXTURES)
@given(key=st.sampled_from(KEYS), value=VALUES)
def test_many_values_of_any_key(
    key: str, value: str, typed_value: Callable[[str, str], None]
) -> None:
    typed_value(key, value)


@given(st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"]), min_size=1))
def test_any_file_name_is_read_as_it_is_typed(name: str) -> None:
    if name[0] == name[-1] and name[0] in "'\"" and len(name) > 1:
        return  # quoted by the user
    (parsed,) = OverridesParser.create().parse_overrides([quote_path(f"run={name}")])
    assert str(parsed.value()) == name or name.lower() in ("null", "true", "false") or "," in name


@settings(suppress_health_check=WITH_FIXTURES)
@given(st.lists(st.integers(0, 255), max_size=40), st.sampled_from([0, 0, 0, -1, 1]))
@example([0] * 14, 0)
def test_any_labels_are_taken_or_refused(tmp_path: Path, labels: list[int], more: int) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", np.zeros((max(0, len(labels) + more), 8, 8)))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array(labels, np.uint8))
    try:
        data = IdxFiles(root=str(tmp_path))
        splits = data.splits
    except UserError:
        return
    assert data.class_names is not None
    for split in splits.values():
        assert split.labels is not None and len(split.labels) == len(split.images)
        assert all(0 <= label < len(data.class_names) for label in split.labels.tolist())
