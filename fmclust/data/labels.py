"""Labels of any whole numbers as classes: the values that occur."""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmclust.errors import UserError, require_whole

MIN_INT64 = -(2**63)


def require_marker(unlabelled: object) -> None:
    """Check the value of `data.unlabelled`: None, or a whole number.

    Raises:
        UserError: If it is something else.
    """
    if unlabelled is not None:
        require_whole("data.unlabelled", unlabelled, MIN_INT64)


def whole_labels(labels: NDArray[np.number], where: str) -> NDArray[np.int64]:
    """Return labels of any type as int64.

    Args:
        labels: Array of shape (N,).
        where: Name of the file or array, for errors.

    Raises:
        UserError: If a label is not a whole number, or does not fit into int64.
    """
    ids = np.zeros(labels.shape, np.int64)
    with np.errstate(invalid="ignore"):  # of NaN and infinity, which are refused below
        np.copyto(ids, labels, casting="unsafe")
    if len(wrong := labels[(ids != labels) | ((labels > 0) != (ids > 0))]):
        raise UserError(
            f"{where} holds the label {wrong[0]}: save whole numbers that fit into 64 bits, and "
            "data.unlabelled=-1 with -1 for images without a label."
        )
    return ids


def classes_of(
    labels: Mapping[str, NDArray[np.int64]], unlabelled: int | None
) -> tuple[tuple[str, ...], dict[str, NDArray[np.int64]]]:
    """Number the classes, which are the values that occur in any split.

    Args:
        labels: Split to labels, int64 of shape (N,).
        unlabelled: Value that marks images without a label, or None.

    Returns:
        The names of the classes: their values, in ascending order; split to classes, int64 of
        shape (N,), indices into the names, or -1 for images without a label.
    """
    values = np.unique(np.concatenate([np.empty(0, np.int64), *labels.values()]))
    values = values[values != unlabelled] if unlabelled is not None else values
    classes = {}
    for split, ids in labels.items():
        numbers = np.searchsorted(values, ids)
        classes[split] = numbers if unlabelled is None else np.where(ids == unlabelled, -1, numbers)
    return tuple(map(str, values.tolist())), classes


def named_classes(
    labels: Mapping[str, NDArray[Any]], unlabelled: int | None, where: str
) -> tuple[tuple[str, ...], dict[str, NDArray[np.int64]]]:
    """Number the classes of labels that are whole numbers or texts; see `classes_of`.

    Args:
        labels: Split to labels of shape (N,); an empty text is no label.
        unlabelled: Number that marks images without a label, or None.
        where: Name of the file or array, for errors.

    Raises:
        UserError: If a label is neither text nor a whole number.
    """
    if any(values.dtype.kind in "US" for values in labels.values()):
        texts = {split: _as_text(values, unlabelled) for split, values in labels.items()}
        names = sorted({*np.concatenate([*texts.values()]).tolist()} - {""}, key=_number_or_text)
        numbers = {name: number for number, name in enumerate(names)} | {"": -1}
        classes = {
            split: np.array([numbers[text] for text in values.tolist()], np.int64)
            for split, values in texts.items()
        }
        return tuple(names), classes
    whole = {split: whole_labels(values, where) for split, values in labels.items()}
    return classes_of(whole, unlabelled)


def text_of(label: object) -> str:
    """Return a label as text; a float that is a whole number has no decimals."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _as_text(values: NDArray[Any], unlabelled: int | None) -> NDArray[np.str_]:
    """Return labels as texts, empty for the unlabelled; bytes are decoded as UTF-8."""
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    texts = np.array([text_of(label) for label in values.tolist()], np.str_)
    return texts if unlabelled is None else np.where(texts == str(unlabelled), "", texts)


def _number_or_text(name: str) -> tuple[int, str]:
    """Return a key that sorts whole numbers by their value, before texts."""
    return (int(name), "") if name.isdecimal() else (sys.maxsize, name)


def warnings_about_markers(
    names: tuple[str, ...], unlabelled: int | None, *, found: bool
) -> list[str]:
    """Return warnings about values that mark, or may mark, images without a label.

    Args:
        names: The names of the classes.
        unlabelled: Value that marks images without a label, or None.
        found: Whether that value occurs.
    """
    if unlabelled is not None:
        return [] if found else [f"no label is {unlabelled}, the value of data.unlabelled"]
    values = [int(name) for name in names]
    is_marker = {-1: min(values, default=0) == -1, 255: values[-1:] == [255] and 254 not in values}
    return [
        f"{value} is taken for a class: if it marks images without a label, type "
        f"data.unlabelled={value}"
        for value, suspected in is_marker.items()
        if suspected
    ]
