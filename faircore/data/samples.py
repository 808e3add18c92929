"""Tables to try the product on: two real ones and one that is made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from faircore.data.ingest import read_table
from faircore.data.spec import DataSpec, Sensitive
from faircore.data.synthetic import make_lending
from faircore.data.table import Table
from faircore.errors import DataError

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"


@dataclass(frozen=True)
class Sample:
    """A table to try.

    Attributes
    ----------
    title, description : str
        What a menu shows.
    rows : int
    licence : str
        Source and licence in one line.
    path_or_maker : Path or callable
        A file in ``sample_data/``, or a function that draws a data frame.
    spec : DataSpec
        Its column roles.
    """

    title: str
    description: str
    rows: int
    licence: str
    path_or_maker: Path | Callable[[], pd.DataFrame]
    spec: DataSpec


_AGE = Sensitive("age", (25, 45, 65))

SAMPLES: dict[str, Sample] = {
    "adult": Sample(
        title="Adult: who earns more than 50,000 dollars",
        description="People in the US census of 1994. Income differs by race, sex and both.",
        rows=48_842,
        licence="B. Becker and R. Kohavi 1996, UCI, doi 10.24432/C5XW20, CC BY 4.0",
        path_or_maker=FOLDER / "adult.parquet",
        spec=DataSpec(
            target="income",
            positive=">50K",
            features=(
                "workclass",
                "education",
                "education_num",
                "marital_status",
                "occupation",
                "relationship",
                "capital_gain",
                "capital_loss",
                "hours_per_week",
                "native_country",
            ),
            sensitive=(Sensitive("race"), Sensitive("sex"), _AGE),
            intersections=(("race", "sex"),),
        ),
    ),
    "german_credit": Sample(
        title="German credit: who is a good risk",
        description="Loan customers of a German bank. Small: most differences cannot be proven.",
        rows=1_000,
        licence="H. Hofmann 1994, UCI, doi 10.24432/C5NC77, CC BY 4.0",
        path_or_maker=FOLDER / "german_credit.parquet",
        spec=DataSpec(
            target="credit_risk",
            positive="1",
            features=(
                "checking_status",
                "duration_months",
                "credit_history",
                "purpose",
                "credit_amount",
                "savings",
                "employment_since",
                "installment_rate",
                "other_debtors",
                "residence_since",
                "property",
                "other_installment_plans",
                "housing",
                "existing_credits",
                "job",
                "dependents",
                "telephone",
                "foreign_worker",
            ),
            sensitive=(Sensitive("sex"), Sensitive("age", (25, 45))),
            intersections=(("sex", "age"),),
        ),
    ),
    "lending": Sample(
        title="Lending: made-up loan applications",
        description="Nobody in it exists. An old system treats one intersection badly: find it.",
        rows=20_000,
        licence="Synthetic, made by this program; free to use",
        path_or_maker=make_lending,
        spec=DataSpec(
            target="repaid",
            positive="yes",
            features=(
                "region",
                "employment",
                "income",
                "debt_ratio",
                "credit_history_years",
                "loan_amount",
                "purpose",
            ),
            sensitive=(Sensitive("race"), Sensitive("gender"), _AGE),
            intersections=(("race", "gender"),),
            score="existing_score",
            decision="existing_decision",
        ),
    ),
}


def load_sample(name: str) -> tuple[Table, DataSpec]:
    """Load a sample and its column roles.

    Parameters
    ----------
    name : str
        A key of ``SAMPLES``.

    Raises
    ------
    DataError
        When there is no such sample, or its file is not installed beside the package.

    Examples
    --------
    >>> table, spec = load_sample("lending")
    >>> table.n_rows, spec.target
    (20000, 'repaid')
    """
    if name not in SAMPLES:
        raise DataError(f"There is no sample {name!r}. Choose one of: {', '.join(SAMPLES)}.")
    sample = SAMPLES[name]
    if isinstance(sample.path_or_maker, Path):
        if not sample.path_or_maker.is_file():
            raise DataError(
                f"The sample {name!r} comes with the source code and is not installed here. Run "
                "from a checkout, or choose 'lending'."
            )
        return read_table(sample.path_or_maker), sample.spec
    return Table.from_frame(sample.path_or_maker(), name), sample.spec
