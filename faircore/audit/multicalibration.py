"""In which cell of the power set of attributes the score is wrong, how much, and how sure that is.

A score can be right in every group of sex and of race and wrong for women of one race. Every
combination of values of any of the attributes is a cell, each is tested, and the short list holds
those that are news: not what a cell shows only because it contains a wrong one, or is part of one.
See :mod:`faircore.audit.lattice_tails` for the test and :mod:`faircore.audit.lattice_search` for
the list.

References
----------
Hébert-Johnson, Kim, Reingold & Rothblum 2018 (multicalibration); Hansen, Devic, Nakkiran & Sharan
2024 (plain models are often nearly multicalibrated); Arrieta-Ibarra et al. 2022 (ECCE); Benjamini
& Hochberg 1995; Benjamini & Yekutieli 2001 (positive dependence) and 2005 (intervals of selected
cells).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from faircore.audit.lattice import Lattice, plan_lattice, read_attributes
from faircore.audit.lattice_search import Listed, list_cells
from faircore.audit.lattice_sums import Cells, Pool, pool_rows, sum_cells
from faircore.audit.lattice_table import cell_table, finding_table
from faircore.audit.lattice_tails import Wander, wander
from faircore.audit.lattice_words import finding_sentence, summary_sentence
from faircore.errors import InputError
from faircore.metrics import MIN_PEOPLE
from faircore.metrics.inputs import as_binary, as_scores, as_weights, same_length


@dataclass(frozen=True, eq=False)
class MulticalibrationAudit:
    """Where a score is wrong.

    Attributes
    ----------
    findings : DataFrame
        The cells that are news, the surest first: by the p-value of what remains in a cell when
        all other findings are recalibrated (``own_p_value``). Columns as in ``cells`` but
        ``explained_by``, and ``own_p_value``; ``calibration_error`` (root of the debiased mean
        squared distance of score and outcome; NaN below 200 people); ``shift_share`` (of the range
        that ECCE measures, how much the gap alone makes, in [0, 1]: low where the score is too
        high for some and too low for others); and ``explains`` (number of cells). ``gap_low`` and
        ``gap_high`` allow for the selection: of such intervals, over audits, at most ``alpha``
        miss the true gap (false coverage rate).
    cells : DataFrame
        All cells tested, in order of ``order``: ``cell`` (its name), ``order``, ``people`` (rows),
        ``effective_people``, ``score`` (mean), ``outcome`` (share of good ones), ``gap`` (score -
        outcome: above 0, too much is promised), ``gap_low``, ``gap_high`` (pointwise interval),
        ``ecce`` (standard deviations, about 1.5 under calibration), ``p_value``, ``q_value`` and
        ``explained_by`` (the finding that explains a failing cell, else empty).
    n_people : int
        Rows with a weight above 0.
    n_cells, n_tested, n_too_small, n_sampled_away : int
        The first is the sum of the others. Cells without people are too small.
    n_explained : int
        Cells that fail the test and are explained by a finding.
    n_open : int
        Cells that fail and are not, since the list had reached ``max_findings``.
    min_people : int
    alpha : float
    left_out : tuple of str
        Attributes of a single value.
    """

    findings: pd.DataFrame
    cells: pd.DataFrame
    n_people: int
    n_cells: int
    n_tested: int
    n_too_small: int
    n_sampled_away: int
    n_explained: int
    n_open: int
    min_people: int
    alpha: float
    left_out: tuple[str, ...] = ()

    def in_words(self) -> list[str]:
        """One sentence on what was tested, and one for each finding."""
        rows = self.findings.to_dict("records")
        return [summary_sentence(self.skipped, len(rows)), *(finding_sentence(r) for r in rows)]

    @property
    def skipped(self) -> dict[str, int]:
        """The counts of cells, by name."""
        names = ("n_cells", "n_tested", "n_too_small", "n_sampled_away", "n_explained", "n_open",
                 "min_people")  # fmt: skip
        return {name: int(getattr(self, name)) for name in names}


def audit_multicalibration(
    scores: Any,
    y_true: Any,
    attributes: Any,
    *,
    sample_weight: Any = None,
    min_people: int = 100,
    alpha: float = 0.05,
    max_cells: int = 200_000,
    max_order: int | None = None,
    max_findings: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """Find the cells of the power set of attributes in which a score is wrong.

    Takes what :func:`walk_multicalibration` takes, and returns its ``findings``, whose
    ``attrs["skipped"]`` counts the cells tested and those that were not.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> race, sex = rng.choice(["Black", "White"], 9000), rng.choice(["Female", "Male"], 9000)
    >>> scores = rng.uniform(0.1, 0.7, 9000)
    >>> off = 0.2 * ((race == "Black") & (sex == "Female"))
    >>> y_true = (rng.random(9000) < scores + off).astype(int)
    >>> found = audit_multicalibration(scores, y_true, {"race": race, "sex": sex})
    >>> found["cell"].tolist(), found.attrs["skipped"]["n_tested"]
    (['race = Black · sex = Female'], 9)
    """
    return walk_multicalibration(
        scores, y_true, attributes, sample_weight=sample_weight, min_people=min_people,
        alpha=alpha, max_cells=max_cells, max_order=max_order, max_findings=max_findings, seed=seed,
    ).findings  # fmt: skip


def walk_multicalibration(
    scores: Any,
    y_true: Any,
    attributes: Any,
    *,
    sample_weight: Any = None,
    min_people: int = 100,
    alpha: float = 0.05,
    max_cells: int = 200_000,
    max_order: int | None = None,
    max_findings: int = 20,
    seed: int = 0,
) -> MulticalibrationAudit:
    """Test every cell of the power set of attributes, and list those that are news.

    Parameters
    ----------
    scores : array, shape (n,)
        Probabilities of the good outcome. Up to 64 distinct ones are taken as they are; others
        are binned into 64 bins of equally many people, which can hide a curve that crosses within
        a bin, never a shift.
    y_true : array of 0 and 1, shape (n,)
        1 is the good outcome.
    attributes : DataFrame, mapping, Series, Groups or array, n rows
        Categories, one column per attribute; a missing value is a value of its own. A numeric
        attribute may have 40 values.
    sample_weight : array, shape (n,), optional
        Rows of weight 0 take no part.
    min_people : int
        Cells with fewer rows are counted, not tested; at least 10.
    alpha : float
        Chance of any finding where every cell is calibrated, in (0, 1).
    max_cells : int
        Above it only cells of low order are looked at, and a sample of the next order.
    max_order : int, optional
        Attributes that a cell may fix at most.
    max_findings : int
        The list ends there.
    seed : int
        Of the sample of cells and of the calibration error.

    Raises
    ------
    InputError
        When lengths differ, scores are not probabilities, outcomes not 0 and 1, no attribute has
        two values or one has too many, or an option is out of its range.

    Notes
    -----
    The intended reading of ``alpha``: where nothing is wrong, a list is empty in 1 - alpha of all
    audits at least (in simulations with 900 cells, 97 to 98%). A weak error may be named by a
    neighbour of the cell where it is. Rows are taken as independent. Cells overlap, so that counts
    of large ones may give away that of a small one by subtraction: publish the findings rather
    than ``cells``.
    """
    _check_options(min_people, alpha, max_cells, max_order, max_findings)
    score = as_scores(scores, name="scores")
    outcome = as_binary(y_true, name="y_true")
    same_length("scores", score, len(outcome))
    weights = as_weights(sample_weight, n_rows=len(outcome))
    if weights is not None:
        weights = weights / weights.max()  # their unit means nothing, and squares overflow
    partitions, codes = read_attributes(attributes, n_rows=len(outcome))
    if weights is not None and not weights.all():
        counted = weights > 0
        score, outcome, weights = score[counted], outcome[counted], weights[counted]
        codes = codes[:, counted]
    lattice = plan_lattice(partitions, max_cells=max_cells, max_order=max_order, seed=seed)
    varied = np.array([len(p.labels) > 1 for p in partitions])
    pool = pool_rows(score, outcome, codes[varied], weights)
    cells = sum_cells(pool, lattice, min_people=min_people)
    tested = wander(cells.weight, cells.score, cells.positive, cells.squares, cells.variance)
    listed = list_cells(
        pool, cells, tested.log_p, shape=lattice.shape, alpha=alpha, max_findings=max_findings
    )
    return _told(
        pool, cells, lattice, tested, listed, min_people=min_people, alpha=alpha, seed=seed
    )


def _check_options(
    min_people: int, alpha: float, max_cells: int, max_order: int | None, max_findings: int
) -> None:
    if not min_people >= MIN_PEOPLE:
        raise InputError(
            f"A cell must have at least {MIN_PEOPLE} people to be shown, and min_people is "
            f"{min_people}. Raise it."
        )
    if not 0 < alpha < 1:
        raise InputError(f"alpha must lie between 0 and 1, and it is {alpha:g}. Use 0.05.")
    least = {"max_cells": (max_cells, 1), "max_findings": (max_findings, 1)}
    if max_order is not None:
        least["max_order"] = (max_order, 1)
    for name, (value, low) in least.items():
        if not value >= low:
            raise InputError(f"{name} must be at least {low}, and it is {value}. Raise it.")


def _told(
    pool: Pool, cells: Cells, lattice: Lattice, tested: Wander, listed: Listed, *,
    min_people: int, alpha: float, seed: int,
) -> MulticalibrationAudit:  # fmt: skip
    frame = cell_table(cells, lattice, tested, listed, alpha)
    findings = finding_table(pool, cells, frame, listed, alpha, seed)
    audit = MulticalibrationAudit(
        findings, frame, n_people=round(pool.people.sum()), n_cells=lattice.n_cells,
        n_tested=len(frame), n_too_small=cells.n_too_small,
        n_sampled_away=lattice.n_sampled_away,
        n_explained=int((listed.explained_by >= 0).sum()), n_open=listed.n_open,
        min_people=min_people, alpha=alpha, left_out=lattice.left_out,
    )  # fmt: skip
    findings.attrs["skipped"] = audit.skipped
    return audit
