"""What an audit measures in every group, and the inequalities it draws from that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from faircore.errors import InputError
from faircore.metrics import DISPARITIES, RATES

Kind = Literal["difference", "ratio", "log ratio"]


@dataclass(frozen=True)
class Metric:
    """A figure of one group.

    Attributes
    ----------
    name, title : str
    sentence : str
        What it says, in words for people who are not statisticians.
    source : {"rate", "score"}
        Whether it comes from decisions or from scores.
    percent : bool
        Whether it is a share.
    """

    name: str
    title: str
    sentence: str
    source: Literal["rate", "score"]
    percent: bool = True


METRICS: dict[str, Metric] = {
    **{r.name: Metric(r.name, r.title, r.sentence, "rate") for r in RATES.values()},
    **{
        m.name: m
        for m in (
            Metric("auc", "Ranking (AUC)", "of pairs of a person with and one without the good "
                   "outcome, the share in which the first has the higher score", "score"),
            Metric("brier", "Brier score", "the mean squared distance of score and outcome; "
                   "lower is better", "score", percent=False),
            Metric("log_loss", "Log loss", "how surprising the outcomes are, given the scores; "
                   "lower is better", "score", percent=False),
            Metric("calibration_gap", "Score minus outcome",
                   "how far the mean score lies above the share with the good outcome", "score"),
            Metric("calibration_error", "Calibration error", "how far scores lie from outcomes "
                   "among people of like scores (root mean square), without what chance adds",
                   "score"),
            Metric("ece", "ECE", "how far scores lie from outcomes, averaged over ten groups of "
                   "like scores; chance alone makes it larger in small groups", "score"),
        )
    },
}  # fmt: skip
"""Every figure of a group, by name."""

GAP_METRICS = tuple(name for name in METRICS if name not in ("calibration_error", "ece"))
"""Those with a standard error: a group is compared with the others by them."""


@dataclass(frozen=True)
class Measure:
    """An inequality between the groups of a partition.

    Attributes
    ----------
    name, title : str
    metrics : tuple of str
        Where there are several, the worst counts.
    kind : {"difference", "ratio", "log ratio"}
        Largest minus smallest; smallest over largest; or differential fairness.
    of_data : bool
        Whether it describes the people rather than the system.
    """

    name: str
    title: str
    metrics: tuple[str, ...]
    kind: Kind = "difference"
    of_data: bool = False

    @property
    def larger_is_worse(self) -> bool:
        """Whether a larger value is less equal; a ratio is the other way round."""
        return self.kind != "ratio"


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        *(Measure(d.name, d.title, d.rates, d.kind) for d in DISPARITIES.values()),
        Measure("equal_opportunity_ratio", "Ratio of selection of the good",
                ("true_positive_rate",), "ratio"),
        Measure("equalized_odds_ratio", "Ratio of either error",
                ("true_positive_rate", "false_positive_rate"), "ratio"),
        Measure("false_negative_rate_ratio", "Ratio of wrong refusal",
                ("false_negative_rate",), "ratio"),
        Measure("predictive_parity_ratio", "Ratio of reliability of a yes",
                ("positive_predictive_value",), "ratio"),
        Measure("negative_predictive_value_difference", "Gap in reliability of a no",
                ("negative_predictive_value",)),
        Measure("differential_fairness", "Differential fairness (ε)", ("selection_rate",),
                "log ratio"),
        Measure("auc_difference", "Gap in ranking (AUC)", ("auc",)),
        Measure("brier_difference", "Gap in Brier score", ("brier",)),
        Measure("log_loss_difference", "Gap in log loss", ("log_loss",)),
        Measure("calibration_gap_difference", "Gap in what scores promise", ("calibration_gap",)),
        Measure("ece_difference", "Gap in calibration error (ECE)", ("ece",)),
        Measure("base_rate_difference", "Gap in good outcomes", ("base_rate",), of_data=True),
    )
}  # fmt: skip
"""Every inequality of a partition, by name."""


def find_measure(name: str) -> Measure:
    """Look an inequality up by name, or say which there are."""
    if name not in MEASURES:
        raise InputError(f"There is no measure {name!r}. Choose one of: {', '.join(MEASURES)}.")
    return MEASURES[name]


def find_metric(name: str) -> Metric:
    """Look a figure up by name, or say which there are."""
    if name not in METRICS:
        raise InputError(f"There is no metric {name!r}. Choose one of: {', '.join(METRICS)}.")
    return METRICS[name]
