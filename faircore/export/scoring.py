"""Scoring a file with a bundle."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from faircore.data import read_table
from faircore.data.limits import Limits
from faircore.data.safe_csv import without_formulas
from faircore.errors import BundleError, DataError
from faircore.export.bundle import load_bundle


def score_file(
    bundle_path: str | Path,
    rows_path: str | Path,
    out: str | Path | None = None,
    *,
    keep: Sequence[str] = (),
) -> int:
    """Score the rows of a file into a CSV.

    Parameters
    ----------
    bundle_path, rows_path : path
    out : path, optional
        Standard output when absent.
    keep : sequence of str
        Columns to carry along, such as an identifier.

    Returns
    -------
    int
        Number of rows scored, in the order of the file: none is dropped.

    Raises
    ------
    BundleError, DataError
        When the bundle was changed, the rows lack a column, or ``keep`` names an unknown one.
    """
    bundle = load_bundle(bundle_path)
    table = read_table(rows_path, limits=Limits(least_columns=1))
    unknown = [column for column in keep if column not in table.columns]
    if unknown:
        raise DataError(
            f"There is no column {unknown[0]!r} in {table.source!r} to carry along. "
            f"Its columns are: {', '.join(table.columns[:20])}."
        )
    clash = [column for column in keep if column in ("score", "decision")]
    if clash or len(set(keep)) < len(keep):
        raise DataError(
            f"The columns to carry along must each be named once and not be called score or "
            f"decision; {', '.join(map(repr, keep))} are asked for. Rename or leave out."
        )
    inputs = bundle.reader.inputs(table)
    scored = bundle.decide(inputs)
    n_unknown = bundle.unknown_groups(inputs)
    if n_unknown == table.n_rows:
        raise BundleError(
            "No row belongs to a group this model was told of while it learned. Write the groups "
            "as they were written then."
        )
    if n_unknown:
        sys.stderr.write(
            f"{n_unknown:,} of {table.n_rows:,} rows belong to a group the model was not told of; "
            "they were treated as everybody is.\n"
        )
    for position, name in enumerate(keep):
        scored.insert(position, name, table.frame[name])
    try:
        without_formulas(scored).to_csv(sys.stdout if out is None else out, index=False)
    except OSError as error:
        raise BundleError(
            f"The scores could not be written: {error.strerror or error}. Choose another "
            "file with --out."
        ) from error
    return len(scored)
