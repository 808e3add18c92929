"""Tables as files that a spreadsheet opens without running anything in them."""

from __future__ import annotations

import pandas as pd

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A table as CSV; a text that a spreadsheet would take for a formula starts with a quote."""

    def safe(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value

    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    escaped = frame.assign(**{str(name): frame[name].map(safe) for name in texts})
    return escaped.rename(columns=safe).to_csv(index=False).encode()
