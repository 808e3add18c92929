"""Column names and values that :func:`faircore.data.guess_spec` recognises."""

from __future__ import annotations

import re
from collections.abc import Callable

Test = Callable[[str], bool]

TARGETS = (
    *("target", "label", "outcome", "y", "class", "income", "pincp", "pubcov", "credit_risk"),
    *("approved", "repaid", "hired", "admitted", "readmitted", "two_year_recid", "is_recid"),
    *("recidivism", "default", "default_payment_next_month", "churn"),
)
POSITIVES = (
    *(">50k", "yes", "1", "true", "good", "approved", "accepted", "granted", "repaid", "hired"),
    *("admitted", "pass", "passed", "positive", "y", "t", "1.0"),
)
NEGATIVES = ("no", "0", "false", "good", "negative", "n", "f", "0.0")
WEIGHTS = ("weight", "weights", "sample_weight", "sampling_weight", "survey_weight", "pwgtp")
SCORES = ("existing_score", "legacy_score", "current_score", "model_score", "y_score", "score")
DECISIONS = ("existing_decision", "legacy_decision", "current_decision", "y_pred", "decision")
NOT_FEATURES = ("split", "fold", "orig_index", "index", "row_id", "fnlwgt", "fnlwt", *WEIGHTS)
AGE_EDGES = (25.0, 45.0, 65.0)

# In the order in which attributes are listed and the first two are crossed.
CONCEPTS: dict[str, frozenset[str]] = {
    "race": frozenset({"race", "racial", "rac1p"}),
    "ethnicity": frozenset({"ethnicity", "ethnic", "hisp"}),
    "sex": frozenset({"sex", "gender"}),
    "age": frozenset({"age", "agep"}),
    "religion": frozenset({"religion", "religious"}),
    "disability": frozenset({"disability", "disabled", "dis"}),
    "marital": frozenset({"marital", "mar"}),
    "nationality": frozenset({"nationality", "citizenship", "cit"}),
    "orientation": frozenset({"orientation", "lgbt"}),
}
# Short census names are words of other names too ("mar" in "open_mar"), so they stand alone.
_WHOLE_ONLY = frozenset({"mar", "dis", "cit", "hisp"})

_PERSON = re.compile(
    r"(patient|person|people|customer|client|user|applicant|member|subject|employee|student)"
)
_IDENTIFIER = re.compile(r"(^|_)(id|nbr|uuid|ssn)$")
_CODE = re.compile(r"(^|_)(id|code|zip|zipcode|postcode|postal|fips)$")
_CENSUS_CODES = ("cow", "mar", "occp", "pobp", "relp", "cit", "mil", "anc", "mig", "esr", "esp")


def plain(name: str) -> str:
    """Lower case with single underscores: ``"Marital Status"`` is ``"marital_status"``."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")


def words(name: str) -> list[str]:
    """Words of a column name."""
    return plain(name).split("_")


def concept(name: str) -> str | None:
    """Sensitive concept a column name speaks of."""
    found = set(words(name))
    for title, terms in CONCEPTS.items():
        if plain(name) in terms or found & (terms - _WHOLE_ONLY):
            return title
    return None


def is_bad_outcome(name: str) -> bool:
    """Whether "yes" in the target is the bad outcome."""
    return any(word in ("default", "defaulted", "fraud", "churn") for word in words(name)) or (
        "recid" in plain(name)
    )


def is_identifier(name: str) -> bool:
    """Whether a name ends like an identifier."""
    return _IDENTIFIER.search(plain(name)) is not None


def is_person(name: str) -> bool:
    """Whether an identifier's name speaks of a person."""
    return _PERSON.match(plain(name)) is not None


def is_code(name: str) -> bool:
    """Whether numbers under this name are codes."""
    return _CODE.search(plain(name)) is not None or plain(name) in _CENSUS_CODES
