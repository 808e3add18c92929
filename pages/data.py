"""Data: bring a table, say which column is what, see the groups, start a review."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import streamlit as st

from faircore.data import (
    SAMPLES,
    DataSpec,
    Table,
    build_dataset,
    check_spec,
    groupable,
    guess_spec,
    load_sample,
)
from faircore.errors import DataError, FaircoreError
from faircore.groups import Groups
from faircore.workspace import default_workspace
from pages.components.group_tables import sizes_table
from pages.components.loading import prepared_of, table_of
from pages.components.roles_form import roles_form
from pages.components.session import open_review, require_review, reviews, session
from pages.components.words import plain

UPLOAD, SAMPLE = "Upload a file", "Use a sample"


def choose_table() -> tuple[Table, DataSpec, str, str]:
    """Table, guessed roles, a key and a name for it; stops until there is one."""
    source = st.segmented_control(
        "Where the data come from", [UPLOAD, SAMPLE], default=UPLOAD, required=True
    )
    if source == SAMPLE:
        name = st.selectbox(
            "Sample", list(SAMPLES), format_func=lambda n: SAMPLES[n].title, key="sample"
        )
        sample = SAMPLES[name]
        st.caption(f"{sample.description} {sample.rows:,} rows. {sample.licence}.")
        table, spec = _sample(name)
        return table, spec, name, sample.title.split(":")[0]
    current = session()
    up = st.file_uploader(
        "CSV, Parquet or Excel, up to 200 MB", type=["csv", "tsv", "txt", "parquet", "xlsx", "xls"]
    )
    if up is not None and up.file_id != current.upload_id:
        forget_upload()
        folder = default_workspace() / "uploads" / uuid.uuid4().hex
        folder.mkdir(parents=True, mode=0o700)
        path = folder / Path(up.name).name[-100:]
        with path.open("wb") as out:
            shutil.copyfileobj(up, out, 1 << 20)
        current.upload, current.upload_id = str(path), up.file_id
    if up is None or not current.upload:
        st.write(
            "Choose a file with one row per person: what is known about them, and the outcome."
        )
        st.stop()
    try:
        table = table_of(current.upload)
        return table, guess(table), current.upload_id, Path(table.source).stem
    except FaircoreError as error:
        st.error(str(error))
        st.stop()


def forget_upload() -> None:
    """Delete the file that was uploaded: a review keeps its own copy, and no other is needed."""
    current = session()
    if current.upload:
        shutil.rmtree(Path(current.upload).parent, ignore_errors=True)
    current.upload = current.upload_id = ""


def guess(table: Table) -> DataSpec:
    """Guess the roles; where no name gives an attribute away, start from any that could be one."""
    try:
        return guess_spec(table)
    except DataError as error:
        target = next((c for c in table.columns if table.frame[c].nunique() == 2), None)
        possible = [c for c in groupable(table) if c != target]
        if target is None or not possible:
            raise
        st.info(plain(f"{error} One that could be is filled in below."))
        return guess_spec(table, sensitive=possible[:1])


@st.cache_resource(max_entries=3, show_spinner="Reading the sample")
def _sample(name: str) -> tuple[Table, DataSpec]:
    return load_sample(name)


def new_review() -> None:
    """Choose a table, correct the roles, look at the groups, start."""
    st.title("Data")
    st.write(
        "Bring a table, say which column is what, and look at the groups before any model is made."
    )
    table, guess, key, called = choose_table()
    st.caption(f"{table.n_rows:,} rows, {len(table.columns)} columns")
    st.subheader("What each column means")
    try:
        spec = roles_form(table, guess, key=key)
        findings = check_spec(table, spec)
        for finding in findings:
            (st.error if finding.level == "error" else st.warning)(finding.text)
        if any(finding.level == "error" for finding in findings):
            st.stop()
        dataset = build_dataset(table, spec)
    except FaircoreError as error:
        st.error(str(error))
        st.stop()
    st.subheader("Who is in the data")
    sizes_table(Groups.of_dataset(dataset), dataset.y_true, dataset.weights)
    missing_values(table, spec)
    st.subheader("Start the review")
    name = st.text_input("Name of the review", value=called, key=f"name-{key}")
    if st.button("Start the review", type="primary"):
        try:
            review = reviews().create(name, table, dataset)
        except FaircoreError as error:
            st.error(str(error))
            st.stop()
        forget_upload()
        open_review(review.id)
        st.switch_page("audit.py" if spec.score or spec.decision else "train.py")


def missing_values(table: Table, spec: DataSpec) -> None:
    """Which used columns have holes."""
    used = [*spec.features, *spec.attributes]
    missing = table.frame[used].isna().sum()
    missing = missing[missing > 0].sort_values(ascending=False)
    if not len(missing):
        st.caption("No value is missing in the columns used.")
        return
    with st.expander(f"Missing values in {len(missing)} of {len(used)} columns used"):
        st.write(
            "No row is dropped. A missing feature is filled with the median and marked; a missing "
            "sensitive value forms a group of its own."
        )
        share = (100 * missing / table.n_rows).round(1)
        st.dataframe(
            {
                "Column": missing.index,
                "Missing": missing.to_numpy(),
                "Missing, %": share.to_numpy(),
            },
            hide_index=True,
        )


def current_review() -> None:
    """What the open review is about."""
    review = require_review("Data")
    spec = review.data_spec
    try:
        prepared = prepared_of(review)
    except FaircoreError as error:
        st.error(str(error))
        st.stop()
    st.write(
        f"**{prepared.dataset.n_rows:,} people.** Outcome: {plain(spec.target)}, good when it is "
        f"{plain(spec.positive)}. Sensitive: {plain(', '.join(spec.attributes))}. "
        f"{len(spec.features)} features."
        + "".join(
            f" Existing {role}: {plain(column)}."
            for role, column in (("score", spec.score), ("decision", spec.decision))
            if column
        )
    )
    sizes_table(prepared.groups, prepared.dataset.y_true, prepared.dataset.weights)
    parts = prepared.splits.as_dict()
    st.caption(
        "Sizes and outcomes are those of all rows, before any model. "
        + (
            "There are no features, so nothing is trained and no row kept back."
            if not spec.features
            else f"Models learn from {len(parts['train']):,} rows; {len(parts['calibrate']):,} are "
            f"kept for calibration, {len(parts['select']):,} to compare models, and "
            f"{len(parts['certify']):,} are sealed until a choice is made."
        )
    )
    with st.container(horizontal=True):
        if st.button("Audit", type="primary"):
            st.switch_page("audit.py")
        if spec.features and st.button("Train models"):
            st.switch_page("train.py")
        if st.button("Start another review"):
            open_review("")
            st.query_params.clear()
            st.rerun()


if session().review:
    current_review()
else:
    new_review()
