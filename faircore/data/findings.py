"""The type of everything :func:`faircore.data.check_spec` has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing, about roles on a table.

    Attributes
    ----------
    level : {"error", "warning"}
        An error must be put right before a dataset can be built.
    subject : str
        The column or role concerned.
    text : str
        One or two sentences; never a cell.
    """

    level: Literal["error", "warning"]
    subject: str
    text: str
