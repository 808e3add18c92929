"""A first guess at column roles, from names and values; people correct it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from faircore.data import vocabulary as known
from faircore.data.spec import DataSpec, Sensitive
from faircore.data.table import Table
from faircore.data.words import listed
from faircore.errors import DataError

_MAX_GROUPS = 50
_FEW = 10


def guess_spec(
    table: Table, *, target: str | None = None, sensitive: Sequence[str] | None = None
) -> DataSpec:
    """Guess the role of every column.

    Parameters
    ----------
    table : Table
    target : str, optional
        The outcome, when it is known.
    sensitive : sequence of str, optional
        The sensitive attributes, when they are known.

    Returns
    -------
    DataSpec
        A starting point: the target is the best-named column of two values, attributes are found
        by English and US census names, and all else that varies is a feature.

    Raises
    ------
    DataError
        When no column has two values, no attribute is recognised, no feature is left, or a
        column given does not exist.
    """
    unknown = [n for n in (target, *(sensitive or ())) if n is not None and n not in table.columns]
    if unknown:
        raise DataError(
            f"{table.source} has no column {unknown[0]!r}. It has: {listed(table.columns)}."
        )
    distinct = {name: int(table.frame[name].nunique()) for name in table.columns}
    target = _target(table, distinct) if target is None else target
    concepts = {
        name: concept
        for name in table.columns
        if name != target and (concept := known.concept(name)) is not None
    }
    if sensitive is None:
        attributes = _sensitive(table, concepts, distinct)
    else:
        attributes = tuple(
            _attribute(table, name, concepts.get(name, ""), distinct[name]) or Sensitive(name)
            for name in sensitive
        )
    taken = {target, *concepts, *(a.column for a in attributes)}
    weight = _first(table, taken, known.WEIGHTS, lambda name: _is_weight(table, name))
    entity = _entity(table, taken, distinct)
    score = _first(table, taken, known.SCORES, lambda name: _is_score(table, name))
    decision = _first(table, taken, known.DECISIONS, lambda name: distinct[name] == 2)
    taken |= {name for name in (weight, entity, score, decision) if name is not None}
    features = tuple(
        name for name in table.columns if name not in taken and _is_feature(table, name, distinct)
    )
    if not features and score is None and decision is None:
        raise DataError(
            f"No column of {table.source} is left to learn from, after the target, sensitive "
            "attributes, identifiers and constants, and there is no score or decision to audit. "
            "Add columns or set the roles yourself."
        )
    crossed = tuple(a.column for a in attributes if a.bins is None)[:2]
    return DataSpec(
        target=target,
        positive=_positive(table, target),
        features=features,
        sensitive=attributes,
        categorical=tuple(n for n in features if _is_code(table, n)),
        intersections=(crossed,) if len(crossed) == 2 else (),
        weight=weight,
        entity=entity,
        score=score,
        decision=decision,
    )


def describe_roles(table: Table, spec: DataSpec) -> pd.DataFrame:
    """List what each column is used for.

    Parameters
    ----------
    table : Table
    spec : DataSpec

    Returns
    -------
    pandas.DataFrame
        One row per column of the table: ``column``, ``role`` (several joined by a comma, or
        ``"not used"``), ``kind`` ("number" or "text"), ``distinct`` and ``missing`` (counts).
    """
    alone = ("target", "weight", "entity", "time", "score", "decision")
    rows = []
    for name in table.columns:
        roles = [role for role in alone if getattr(spec, role) == name]
        roles += ["sensitive"] if name in spec.attributes else []
        roles += ["feature"] if name in spec.features else []
        kind = "text" if name in spec.categorical else table.kinds[name]
        column = table.frame[name]
        role = ", ".join(roles) or "not used"
        rows.append((name, role, kind, int(column.nunique()), int(column.isna().sum())))
    return pd.DataFrame(rows, columns=["column", "role", "kind", "distinct", "missing"])


def groupable(table: Table) -> tuple[str, ...]:
    """Columns whose few distinct values could be groups, in the order of the table."""
    distinct = {name: int(table.frame[name].nunique()) for name in table.columns}
    return tuple(name for name in table.columns if 2 <= distinct[name] <= _FEW)


def _target(table: Table, distinct: dict[str, int]) -> str:
    """The best-named column of two values, else the last one that is not sensitive."""
    two_valued = [name for name in table.columns if distinct[name] == 2]
    by_name = {known.plain(name): name for name in reversed(two_valued)}
    for name in known.TARGETS:
        if name in by_name:
            return by_name[name]
    others = [name for name in two_valued if known.concept(name) is None]
    if not others:
        raise DataError(
            f"{table.source} has no column of exactly two values that could be the outcome. Add "
            "one (such as repaid: yes or no), or merge the values of the outcome into two."
        )
    return others[-1]


def _positive(table: Table, target: str) -> str:
    """The value that sounds good, else the rarer one."""
    counts = table.frame[target].value_counts()
    if counts.empty:
        raise DataError(
            f"The target {target!r} of {table.source} is missing in every row. Choose another "
            "column, or fill it in and load the file again."
        )
    by_word = {str(level).strip().lower().rstrip("."): str(level) for level in counts.index}
    wanted = known.NEGATIVES if known.is_bad_outcome(target) else known.POSITIVES
    for word in wanted:
        if word in by_word:
            return by_word[word]
    return min(map(str, counts.index), key=lambda level: (int(counts[level]), level))


def _sensitive(
    table: Table, concepts: dict[str, str], distinct: dict[str, int]
) -> tuple[Sensitive, ...]:
    """One column per concept, the best-named one, in a fixed order of concepts."""
    found = []
    for concept in known.CONCEPTS:
        named = [name for name, of in concepts.items() if of == concept]
        # A column called just "sex" is preferred to one whose name contains it.
        for name in sorted(named, key=lambda name: len(known.words(name))):
            attribute = _attribute(table, name, concept, distinct[name])
            if attribute is not None:
                found.append(attribute)
                break
    if not found:
        raise DataError(
            f"No column of {table.source} has a name like sex, gender, race or age. Set the roles "
            "yourself and choose the sensitive attributes."
        )
    return tuple(found)


def _attribute(table: Table, name: str, concept: str, n_distinct: int) -> Sensitive | None:
    """The attribute with bins where it is a quantity; nothing when it cannot make groups."""
    if n_distinct < 2:
        return None
    if table.kinds[name] != "number" or n_distinct <= _FEW:
        return Sensitive(name) if n_distinct <= _MAX_GROUPS else None
    values = table.numbers(name)
    low, high = np.nanmin(values), np.nanmax(values)
    edges = known.AGE_EDGES if concept == "age" else ()
    kept = tuple(edge for edge in edges if low < edge <= high)
    if not kept:
        quartiles = np.nanquantile(values, [0.25, 0.5, 0.75], method="higher")
        kept = tuple(float(edge) for edge in np.unique(quartiles) if low < edge)
    return Sensitive(name, kept or (float(high),))


def _first(table: Table, taken: set[str], names: tuple[str, ...], fits: known.Test) -> str | None:
    """First free column, in the order of ``names``, that fits."""
    free = {known.plain(name): name for name in table.columns if name not in taken}
    return next((free[name] for name in names if name in free and fits(free[name])), None)


def _is_weight(table: Table, name: str) -> bool:
    if table.kinds[name] != "number":
        return False
    values = table.numbers(name)
    return bool((values >= 0).all() and values.any())  # a missing cell fails the comparison


def _is_score(table: Table, name: str) -> bool:
    if table.kinds[name] != "number":
        return False
    values = table.numbers(name)
    return bool(((values >= 0) & (values <= 1)).all())


def _entity(table: Table, taken: set[str], distinct: dict[str, int]) -> str | None:
    """A person's identifier: one that repeats before one that does not."""
    named = [n for n in table.columns if n not in taken and known.is_identifier(n)]
    # A code list such as admission_type_id has few values; people are many.
    many = [n for n in named if distinct[n] * 4 >= table.n_rows]
    repeated = [n for n in many if distinct[n] < table.n_rows]
    whole = [n for n in many if distinct[n] == table.n_rows and table.kinds[n] == "number"]
    ranked = sorted(repeated, key=lambda n: not known.is_person(n)) + whole
    return ranked[0] if ranked else None


def _is_feature(table: Table, name: str, distinct: dict[str, int]) -> bool:
    if distinct[name] < 2 or known.plain(name) in known.NOT_FEATURES:
        return False
    all_distinct = distinct[name] == table.n_rows
    return not (all_distinct and (table.kinds[name] == "text" or known.is_identifier(name)))


def _is_code(table: Table, name: str) -> bool:
    """Whether a column of numbers is a list of codes."""
    return table.kinds[name] == "number" and known.is_code(name)
