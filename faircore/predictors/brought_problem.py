"""Why a brought model cannot be used, between the process that runs it and the one that asks."""

from __future__ import annotations


class Problem(Exception):  # noqa: N818 - it is an answer
    """One of the problems that :mod:`faircore.predictors.brought_process` has a sentence for.

    Attributes
    ----------
    code : str
    names : tuple of str
        Types or operators it is about.
    """

    def __init__(self, code: str, *names: str) -> None:
        super().__init__(code)
        self.code, self.names = code, names
