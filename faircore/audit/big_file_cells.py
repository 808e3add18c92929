"""From the finest cells of a large file to a tally, or to the rule that its columns break."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.audit.big_file_sql import NOT_A_NUMBER
from faircore.data.bins import bin_labels, ordered_levels
from faircore.data.checks import MAX_GROUPS
from faircore.data.decisions import decision_meaning, unread_decision
from faircore.data.spec import DataSpec, Sensitive
from faircore.data.words import counted
from faircore.errors import DataError
from faircore.groups import Groups
from faircore.metrics.counts import confusion_counts
from faircore.metrics.histograms import N_BINS, ScoreHistogram, score_bins, sum_histogram
from faircore.metrics.tally import Tally

# Sums that are linear in the weight, and those that are linear in its square.
_LINEAR = ("weight", "score", "brier", "log")
_SQUARED = ("squares", "score1", "brier1", "brier2", "log1", "log2")
# Without weights, two sums are the same.
_SAME = {"weight": "n", "squares": "n", "score1": "score", "brier1": "brier", "log1": "log"}


def tally_cells(cells: pd.DataFrame, spec: DataSpec) -> Tally:
    """Add cells up into every partition.

    Parameters
    ----------
    cells : pandas.DataFrame
        What :func:`faircore.audit.big_file_sql.statement` selects; at least one cell.
    spec : DataSpec

    Raises
    ------
    DataError
        When a column breaks the rule of its role.
    """
    truth = _truth(cells, spec)
    groups = _groups(cells, spec)
    _check_score(cells, spec)
    pred = _decision(cells, spec)
    sums = _sums(cells, spec)
    rows = confusion_counts(truth, pred, groups, sums["n"])
    counts = squares = rows
    if spec.weight is not None:
        counts = confusion_counts(truth, pred, groups, sums["weight"])
        squares = confusion_counts(truth, pred, groups, sums["squares"])
    scores = None
    if spec.score is not None:
        scores = _histogram(truth, cells["place"].to_numpy(), groups, sums)
    return Tally(groups.partitions, rows, counts, squares, scores)


def _truth(cells: pd.DataFrame, spec: DataSpec) -> NDArray[np.int8]:
    name, known = spec.target, cells["y"].notna()
    missing = int(cells["n"][~known].sum())
    if missing:
        raise DataError(
            f"The target {name!r} must be known in every row, and {counted(missing, 'row')} have "
            "none. Leave out the rows without an outcome, or fill it in."
        )
    values = set(cells["y"])
    if len(values) != 2:
        raise too_many_values(name, f"it has {len(values):,}")
    if spec.positive not in values:
        raise DataError(
            f"The positive value chosen for the target {name!r} is not among its values. "
            "Choose one that is."
        )
    truth: NDArray[np.int8] = (cells["y"] == spec.positive).to_numpy().astype(np.int8)
    return truth


def too_many_values(target: str, found: str) -> DataError:
    """The error for a target that has not two values."""
    return DataError(
        f"The target {target!r} must have two values, and {found}. Choose another column, or "
        "merge its values into two."
    )


def too_many_groups(attribute: str, found: str) -> DataError:
    """The error for an attribute with too many groups."""
    return DataError(
        f"The sensitive attribute {attribute!r} may have {MAX_GROUPS} groups, and {found}. Bin it "
        "or choose another."
    )


def _groups(cells: pd.DataFrame, spec: DataSpec) -> Groups:
    """Group of each cell, labelled as those of a dataset."""
    labels, levels = {}, {}
    for i, attribute in enumerate(spec.sensitive):
        name = attribute.column
        if attribute.bins is None:
            labels[name], levels[name] = cells[f"a{i}"], ordered_levels(cells[f"a{i}"])
        else:
            labels[name], levels[name] = _ranges(cells, f"a{i}", f"f{i}", attribute)
        n_groups = len(levels[name])
        if n_groups < 2:
            raise DataError(
                f"The sensitive attribute {name!r} must have at least two groups, and it has "
                f"{n_groups}. Choose other bins or another column."
            )
        if n_groups > MAX_GROUPS:
            raise too_many_groups(name, f"it has {n_groups:,}")
    return Groups.of(pd.DataFrame(labels), partitions=spec.partitions, levels=levels)


def _ranges(
    cells: pd.DataFrame, key: str, fraction: str, attribute: Sensitive
) -> tuple[pd.Series[str], tuple[str, ...]]:
    """Labels of the ranges by number, and those that occur from low to high."""
    edges, number = attribute.bins or (), cells[key]
    if (number == NOT_A_NUMBER).any():
        raise DataError(
            f"The sensitive attribute {attribute.column!r} must hold numbers to be cut into "
            "ranges, and it holds text. Take its bins away or choose a column of numbers."
        )
    whole = all(float(edge).is_integer() for edge in edges) and not (
        fraction in cells and bool(cells[fraction].fillna(False).any())
    )
    names = dict(enumerate(bin_labels(edges, whole=whole)))
    occurring = set(number.dropna().astype(int))
    return number.map(names).astype("str"), tuple(names[i] for i in sorted(occurring))


def _check_score(cells: pd.DataFrame, spec: DataSpec) -> None:
    if spec.score is None:
        return
    wrong = int(cells["n"][cells["place"].isna()].sum())
    if wrong:
        raise DataError(
            f"The score {spec.score!r} must be a probability from 0 to 1 in every row, and "
            f"{counted(wrong, 'row')} hold something else. Rescale it or choose no score."
        )


def _decision(cells: pd.DataFrame, spec: DataSpec) -> NDArray[np.int8]:
    if spec.decision is None:
        return cells["d"].to_numpy(np.int8)
    decision = cells["d"]
    meaning = decision_meaning(decision.dropna().unique(), cells["y"].unique(), spec.positive)
    read = decision.map(meaning).to_numpy(np.float64)
    unread = int(cells["n"][np.isnan(read)].sum())
    if unread:
        raise unread_decision(spec.decision, f"{unread:,} rows do not")
    return read.astype(np.int8)


def _sums(cells: pd.DataFrame, spec: DataSpec) -> dict[str, NDArray[np.float64]]:
    """The cells' sums, for weights of mean 1."""
    names = [name for name in ("n", *_LINEAR, *_SQUARED) if name in cells]
    sums = {name: cells[name].to_numpy(np.float64, na_value=0.0) for name in names}
    if spec.weight is None:
        return sums | {name: sums[same] for name, same in _SAME.items() if same in sums}
    wrong = int((cells["n"] - cells["known"]).sum())
    if wrong:
        raise DataError(
            f"The weight {spec.weight!r} must be a number of zero or more in every row, and it is "
            f"missing, negative or none in {counted(wrong, 'row')}. Correct it or choose no weight."
        )
    mean = float(sums["weight"].sum() / sums["n"].sum())
    if not mean > 0:
        raise DataError(
            f"The weight {spec.weight!r} must be above zero in some row, and it never is. "
            "Choose another column or none."
        )
    for name in names:
        sums[name] = sums[name] / (mean**2 if name in _SQUARED else mean if name != "n" else 1)
    return sums


def _bins(places: NDArray[Any]) -> tuple[NDArray[np.integer], int]:
    """Bins of cells that know their bin, or their score, and how many there are."""
    if places.dtype != np.float64:
        return places, N_BINS
    distinct, rank = np.unique(places, return_inverse=True)
    return (rank, len(distinct)) if len(distinct) <= N_BINS else (score_bins(places), N_BINS)


def _histogram(
    truth: NDArray[np.int8],
    places: NDArray[Any],
    groups: Groups,
    sums: dict[str, NDArray[np.float64]],
) -> ScoreHistogram:
    """Score sums per group and bin, from those per cell, which have a score each or a bin."""
    bins, n_bins = _bins(places)
    # A score's distance from its outcome, whose own and whose square's sums give the variance.
    distance = np.where(truth == 1, sums["squares"] - sums["score1"], sums["score1"])
    return sum_histogram(
        groups.codes,
        bins,
        shape=(groups.n_groups, n_bins),
        weight=sums["weight"],
        positive=sums["weight"] * truth,
        score=sums["score"],
        variance=np.maximum(distance - sums["brier1"], 0.0),
        residual=sums["brier1"],
        squares=sums["squares"],
        positive_squares=sums["squares"] * truth,
        losses={
            "brier": np.stack([sums["brier"], sums["brier1"], sums["brier2"]]),
            "log_loss": np.stack([sums["log"], sums["log1"], sums["log2"]]),
        },
    )
