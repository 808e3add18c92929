"""How large a table may be before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

from faircore.data.words import counted
from faircore.errors import DataError


@dataclass(frozen=True)
class Limits:
    """The largest and the narrowest table that is read.

    Attributes
    ----------
    max_rows, max_columns, max_cells : int
        Largest table.
    max_bytes : int
        Largest file, and largest content once decompressed.
    least_columns : int
        1 or 2: a review needs several columns, rows to score may have one.
    memory : str
        Memory DuckDB may use, as it writes sizes (``"2GB"``).
    """

    max_rows: int = 5_000_000
    max_columns: int = 2_000
    max_cells: int = 200_000_000
    max_bytes: int = 2 * 1024**3
    least_columns: int = 2
    memory: str = "2GB"

    def check_shape(self, n_rows: int, n_columns: int, *, source: str) -> None:
        """Refuse a table of too many rows, columns or cells.

        Raises
        ------
        DataError
            Naming the limit that is passed.
        """
        for found, limit, noun in (
            (n_columns, self.max_columns, "column"),
            (n_rows, self.max_rows, "row"),
            (n_rows * n_columns, self.max_cells, "cell"),
        ):
            if found > limit:
                raise DataError(
                    f"{source} has more than the {counted(limit, noun)} that can be read at once. "
                    "Leave out what the review does not need, or raise the limit."
                )

    def check_bytes(self, size_bytes: int, *, source: str, what: str = "is") -> None:
        """Refuse content larger than ``max_bytes``.

        Raises
        ------
        DataError
            With the size found and the limit.
        """
        if size_bytes > self.max_bytes:
            raise DataError(
                f"{source} {what} {size_bytes / 1024**2:,.0f} MiB, and at most "
                f"{self.max_bytes / 1024**2:,.0f} MiB can be read. "
                "Leave out rows or columns the review does not need."
            )
