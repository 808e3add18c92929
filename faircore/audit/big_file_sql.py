"""The one statement that reads a large file: rows added up into the finest cells.

A cell is what agrees in every group, outcome, decision, and score or score bin. Rows are grouped
by their values as stored, and only the cells' values are written as text, so that a row costs
little.
"""

from __future__ import annotations

from faircore.data.cells import CODE, NUMBER
from faircore.data.duck import Scan, quoted
from faircore.data.parquet import text_cell
from faircore.data.spec import DataSpec, Sensitive
from faircore.metrics.histograms import N_BINS, SOFT, SPAN, TINY

NOT_A_NUMBER = -1
"""Bin of a cell that should hold a number and does not."""

# Of s, the score; q, its squared distance from the outcome; l, its log loss; w, the weight; and
# v, its square.
_PLAIN_SUMS = {"score": "s", "brier": "q", "brier2": "q * q", "log": "l", "log2": "l * l"}
_WEIGHT_SUMS = {"weight": "w", "squares": "v"}
_WEIGHTED_SUMS = {
    "score": "w * s",
    "score1": "v * s",
    "brier": "w * q",
    "brier1": "v * q",
    "brier2": "v * q * q",
    "log": "w * l",
    "log1": "v * l",
    "log2": "v * l * l",
}
_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_WHOLE = (*_SIGNED, *(f"U{kind}" for kind in _SIGNED))


def statement(scan: Scan, spec: DataSpec, *, threshold: float, few: bool) -> str:
    """SQL that adds up every row.

    Parameters
    ----------
    scan : Scan
    spec : DataSpec
        Its features are left alone.
    threshold : float
    few : bool
        Whether each distinct score is a cell of its own, rather than each fine bin.

    Returns
    -------
    str
        Its result has a row per cell: ``a0``, ``a1``, … with the text of each attribute, or the
        number of its range; ``y`` and ``d``, text of outcome and decision (``d`` is true or false
        where it comes from the score); ``place``, the score or its bin, missing where it is no
        probability; ``n`` rows; ``known`` rows with a usable weight; sums of weights and scores;
        and in ``f0``, ``f1``, … whether some value cut into ranges is no whole number.
    """
    source = f"SELECT {_raw(scan, spec)} FROM {scan.source}"
    source = f"SELECT {_keyed(scan, spec)} FROM ({source})"
    if spec.score is not None:
        source = (
            f"SELECT *, {'s' if few else _score_bin('s')} AS place, "
            "CASE WHEN good THEN s ELSE 1 - s END AS r, "
            f"s >= CAST('{float(threshold)!r}' AS DOUBLE) AS passed FROM ({source})"
        )
        source = (
            f"SELECT *, (1 - r) * (1 - r) AS q, "
            f"-ln(greatest(least(r, {1 - TINY!r}), {TINY!r})) AS l FROM ({source})"
        )
    keys = [f"a{i}" for i in range(len(spec.sensitive))]
    keys += ["y", "d" if spec.decision is not None else "passed AS d"]
    keys += [] if spec.score is None else ["place"]
    sums = _sums(scan, spec)
    shown = [_shown(scan, a, f"a{i}") for i, a in enumerate(spec.sensitive)]
    shown.append(text_cell("y", scan.columns[spec.target][1]))
    shown.append("d" if spec.decision is None else text_cell("d", scan.columns[spec.decision][1]))
    shown += [] if spec.score is None else ["place"]
    shown += [name for name, _ in sums]
    return (
        f"SELECT {', '.join(shown)} FROM (SELECT {', '.join(keys)}, "
        f"{', '.join(f'{sql} AS {name}' for name, sql in sums)} FROM ({source}) GROUP BY ALL)"
    )


def first_rows(scan: Scan, names: tuple[str, ...], n_rows: int) -> str:
    """SQL that counts the distinct values of some columns at the beginning of the file."""
    columns = [f"{scan.columns[name][0]} AS c{i}" for i, name in enumerate(names)]
    counts = [f"count(DISTINCT c{i})" for i in range(len(names))]
    return (
        f"SELECT {', '.join(counts)} FROM (SELECT DISTINCT * "
        f"FROM (SELECT {', '.join(columns)} FROM {scan.source} LIMIT {n_rows}))"
    )


def _raw(scan: Scan, spec: DataSpec) -> str:
    """Columns as stored, those read as numbers made so."""
    found = [
        f"{scan.columns[a.column][0] if a.bins is None else _number(scan, a.column, codes=False)}"
        f" AS a{i}"
        for i, a in enumerate(spec.sensitive)
    ]
    found.append(f"{scan.columns[spec.target][0]} AS y")
    if spec.decision is not None:
        found.append(f"{scan.columns[spec.decision][0]} AS d")
    found += [
        f"{_number(scan, name)} AS {alias}"
        for name, alias in ((spec.score, "s"), (spec.weight, "w"))
        if name is not None
    ]
    return ", ".join(found)


def _keyed(scan: Scan, spec: DataSpec) -> str:
    """Ranges for numbers; a score or weight that breaks its rule is missing from here on."""
    found = []
    for i, attribute in enumerate(spec.sensitive):
        found.append(f"a{i}" if attribute.bins is None else f"{_range(f'a{i}', attribute.bins)}")
        if _asks_whole(scan, attribute):
            found.append(f"a{i} <> floor(a{i}) AS f{i}")
    found.append("y")
    if spec.decision is not None:
        found.append("d")
    if spec.score is not None:
        # In the column's own type; whether the text is the same is seen from the cells.
        kind = scan.columns[spec.target][1]
        found.append(f"y = TRY_CAST({quoted(spec.positive)} AS {kind}) AS good")
        found.append("CASE WHEN s >= 0 AND s <= 1 THEN s END AS s")
    if spec.weight is not None:
        valid = "CASE WHEN w >= 0 AND w < CAST('infinity' AS DOUBLE) THEN"
        found += [f"{valid} w END AS w", f"{valid} w * w END AS v"]
    return ", ".join(found)


def _sums(scan: Scan, spec: DataSpec) -> list[tuple[str, str]]:
    """Name and SQL of everything added up in a cell."""
    sums: dict[str, str] = {} if spec.weight is None else dict(_WEIGHT_SUMS)
    if spec.score is not None:
        sums |= _PLAIN_SUMS if spec.weight is None else _WEIGHTED_SUMS
    found = [("n", "count(*)"), *((name, f"sum({sql})") for name, sql in sums.items())]
    if spec.weight is not None:
        found.append(("known", "count(w)"))
    for i, attribute in enumerate(spec.sensitive):
        if _asks_whole(scan, attribute):
            found.append((f"f{i}", f"bool_or(f{i})"))
    return found


def _shown(scan: Scan, attribute: Sensitive, alias: str) -> str:
    if attribute.bins is not None:
        return alias
    return text_cell(alias, scan.columns[attribute.column][1])


def _asks_whole(scan: Scan, attribute: Sensitive) -> bool:
    """Whether the names of the ranges depend on values being whole numbers."""
    return attribute.bins is not None and scan.columns[attribute.column][1] not in _WHOLE


def _number(scan: Scan, name: str, *, codes: bool = True) -> str:
    """SQL for a column as DOUBLE: missing stays so, what is no finite number is infinite."""
    column, kind = scan.columns[name]
    if kind in _WHOLE or kind.startswith("DECIMAL"):
        return f"CAST({column} AS DOUBLE)"
    infinity = "CAST('infinity' AS DOUBLE)"
    if kind in ("FLOAT", "DOUBLE"):
        # The number that the shortest text of a FLOAT spells, as everywhere else.
        value = column if kind == "DOUBLE" else f"CAST(CAST({column} AS VARCHAR) AS DOUBLE)"
        # Only isfinite() is sure to look at each value: DuckDB answers comparisons and isnan()
        # from a column's smallest and largest value, which leave NaN out.
        return (
            f"CASE WHEN isfinite({value}) THEN {value} "
            f"WHEN abs({value}) = {infinity} THEN {infinity} END"
        )
    text = f"nullif(CAST({column} AS VARCHAR), '')"
    fits = f"regexp_matches({text}, {quoted(NUMBER)})"
    if not codes:
        fits += f" AND NOT regexp_matches({text}, {quoted(CODE)})"
    return (
        f"CASE WHEN {fits} THEN TRY_CAST({text} AS DOUBLE) "
        f"WHEN {text} IS NOT NULL THEN {infinity} END"
    )


def _range(alias: str, edges: tuple[float, ...]) -> str:
    """SQL for the number of the range a value lies in."""
    passed = " + ".join(
        f"CAST({alias} >= CAST('{edge!r}' AS DOUBLE) AS TINYINT)" for edge in map(float, edges)
    )
    return (
        f"CASE WHEN isinf({alias}) THEN {NOT_A_NUMBER} "
        f"WHEN {alias} IS NOT NULL THEN {passed} END AS {alias}"
    )


def _score_bin(score: str) -> str:
    """SQL for :func:`faircore.metrics.histograms.score_bins`, the same to the last bit."""
    place = f"(ln({score} + {SOFT!r}) - ln(1 + ({SOFT!r} - {score}))) / {2 * SPAN!r} + 0.5"
    number = f"CAST(trunc(least(({place}) * {N_BINS}, {N_BINS - 1})) AS SMALLINT)"
    return f"CASE WHEN {score} IS NOT NULL THEN {number} END"  # least() passes over what is missing
