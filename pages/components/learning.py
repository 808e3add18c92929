"""Learning curves of one training, the same while it runs and afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from faircore.plots import convergence_figure
from pages.components.charts import show_chart
from pages.components.howto import how_to_read


def learning_curves(
    history: Sequence[Mapping[str, float]],
    *,
    key: str,
    alt: str,
    tolerance: float | None = None,
    best_epoch: int | None = None,
) -> None:
    """Draw what a training followed, and how that is read.

    Parameters
    ----------
    history, tolerance, best_epoch
        See :func:`faircore.plots.convergence_figure`.
    key, alt : str
        See :func:`pages.components.charts.show_chart`.
    """
    show_chart(
        convergence_figure(history, tolerance=tolerance, best_epoch=best_epoch), key=key, alt=alt
    )
    how_to_read(
        "From left to right the model goes through the rows again and again. Each line is "
        "something that was followed; the names stand above the lines.",
        "Lower is better: the loss is how wrong the scores are, the gap how far apart the groups "
        "are. Often the gap falls while the loss rises a little: that is the price of fairness.",
        "A line that still falls at the right end says that more passes might help. On rows held "
        "out, a line that turns upwards says that the model learns its rows by heart.",
        "A multiplier, where there is one, is how much a broken limit weighs. A line that "
        "jumps up and down to the end says that the limit is hard to keep.",
        "Do not compare two models by these curves: how good a model is stands on the Frontier.",
        about="words",
    )
