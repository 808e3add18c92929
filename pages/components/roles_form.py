"""The form that says which column is what."""

from __future__ import annotations

from itertools import combinations

import streamlit as st

from faircore.data import DataSpec, Sensitive, Table
from faircore.errors import SpecError

NONE = "(none)"


def roles_form(table: Table, guess: DataSpec, *, key: str) -> DataSpec:
    """Show the guessed roles for correction, and return what they say now.

    Parameters
    ----------
    table : Table
    guess : DataSpec
        What the form shows at first.
    key : str
        Names the file, so that another file starts from its own guess.

    Raises
    ------
    SpecError
        When roles contradict each other.
    """
    columns = list(table.columns)
    left, right = st.columns(2)
    target = left.selectbox(
        "Outcome to predict",
        columns,
        index=columns.index(guess.target),
        key=f"target-{key}",
        help="A column of two values: repaid or not, readmitted or not.",
    )
    values = sorted(table.frame[target].dropna().unique().tolist())[:50]
    positive = right.selectbox(
        "Value that is the good outcome",
        values,
        index=values.index(guess.positive) if guess.positive in values else 0,
        key=f"positive-{key}-{target}",
        help="Good for the person: repaid, hired, healthy. The model scores its probability, "
        "and a person with a high score is selected.",
    )
    chosen = st.multiselect(
        "Sensitive attributes: whom the model must treat fairly",
        [c for c in columns if c != target],
        default=[a for a in guess.attributes if a != target],
        key=f"sensitive-{key}-{target}",
    )
    sensitive = tuple(_attribute(table, guess, column, key) for column in chosen)
    crossings = [
        pair for size in range(2, min(3, len(chosen)) + 1) for pair in combinations(chosen, size)
    ]
    crossed = (
        st.multiselect(
            "Intersections: groups within groups",
            crossings,
            default=[i for i in guess.intersections if i in crossings],
            format_func=" × ".join,
            key=f"crossed-{key}-{'-'.join(chosen)}",
            help="A model can treat women and Black people well and Black women badly.",
        )
        if crossings
        else []
    )
    with st.expander(
        "An existing system: its score or decision",
        expanded=bool(guess.score or guess.decision),
    ):
        left, right = st.columns(2)
        score = _optional(left, "Score, a probability of the good outcome", columns, guess.score,
                          f"score-{key}")  # fmt: skip
        decision = _optional(right, "Decision, yes or no", columns, guess.decision,
                             f"decision-{key}")  # fmt: skip
        st.caption("The Audit page measures how it treats each group; nothing has to be trained.")
    with st.expander("More roles: weight, person, time"):
        one, two, three = st.columns(3)
        weight = _optional(one, "Sample weight", columns, guess.weight, f"weight-{key}")
        entity = _optional(two, "Person, if one has several rows", columns, guess.entity,
                           f"entity-{key}")  # fmt: skip
        time = _optional(three, "Time order", columns, guess.time, f"time-{key}")
        st.caption(
            "Rows of one person stay on one side of every split. With a time column, models learn "
            "from earlier rows and are judged on later ones."
        )
    taken = {target, *(r for r in (weight, entity, time, score, decision) if r)}
    features = st.multiselect(
        "Features: what a model may see",
        [c for c in columns if c not in taken],
        default=[f for f in guess.features if f not in taken and f not in chosen],
        key=f"features-{key}-{target}-{'-'.join(chosen)}-{'-'.join(sorted(taken))}",
        help="A sensitive attribute among the features makes every model need it at prediction "
        "time, which a law may forbid.",
    )
    if not chosen:
        raise SpecError("Choose at least one sensitive attribute above.")
    if not features and not (score or decision):
        raise SpecError(
            "Choose at least one feature above, or name the score or the decision of an existing "
            "system to audit."
        )
    return DataSpec(
        target=target,
        positive=positive,
        features=tuple(features),
        categorical=tuple(c for c in guess.categorical if c in features),
        sensitive=sensitive,
        intersections=tuple(tuple(c) for c in crossed),
        weight=weight,
        entity=entity,
        time=time,
        score=score,
        decision=decision,
    )


def _attribute(table: Table, guess: DataSpec, column: str, key: str) -> Sensitive:
    """An attribute; one that is a number gets a box for its bins."""
    known = {s.column: s.bins for s in guess.sensitive}.get(column)
    if table.kinds[column] != "number" or (known is None and table.frame[column].nunique() <= 10):
        return Sensitive(column)
    text = st.text_input(
        f"Group {column} at",
        value=", ".join(f"{edge:g}" for edge in known or ()),
        key=f"bins-{key}-{column}",
        help="Edges, lowest first: “25, 45, 65” makes four groups. Empty keeps every value apart.",
    )
    try:
        edges = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise SpecError(
            f"The edges of {column!r} must be numbers with commas between them, such as 25, 45, 65."
        ) from None
    return Sensitive(column, edges or None)


def _optional(
    where: st.delta_generator.DeltaGenerator,
    label: str,
    columns: list[str],
    guess: str | None,
    key: str,
) -> str | None:
    options = [NONE, *columns]
    chosen = where.selectbox(
        label, options, index=options.index(guess) if guess in options else 0, key=key
    )
    return None if chosen == NONE else chosen
