"""How fast a file is counted that need not fit into memory, beside DuckDB's bare GROUP BY.

    python benchmarks/big_file_speed.py [millions of rows, default 10]

The file is Parquet with 24 groups (race × sex × where born), an outcome, a decision and a score.
Each figure is the best of three fresh processes, taken in turn, imports left out; the memory is
the largest that one of them had in all.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

ROWS = """
SELECT ['White', 'Black', 'Asian', 'Latino', 'Native', 'Other'][1 + (random() * 5.99)::INT % 6]
           AS race,
       CASE WHEN random() < 0.5 THEN 'Female' ELSE 'Male' END AS sex,
       CASE WHEN random() < 0.8 THEN 'here' ELSE 'abroad' END AS born,
       (random() < score)::INT AS outcome,
       CASE WHEN score + random() / 10 >= 0.55 THEN 'yes' ELSE 'no' END AS decision,
       score
FROM (SELECT 1 / (1 + exp(3 - 6 * random())) AS score FROM range({n}))
"""

RUN = """
import resource, sys, time
import duckdb
from faircore.audit.big_files import tally_file
from faircore.data import DataSpec, Sensitive

path, what = sys.argv[1:]
people = tuple(map(Sensitive, ("race", "sex", "born")))
crossed = (("race", "sex", "born"),)
started = time.perf_counter()
if what == "bare GROUP BY":
    keys = "race, sex, born, outcome, decision"
    duckdb.sql(f"SELECT {keys}, count(*) FROM read_parquet('{path}') GROUP BY ALL").fetchall()
else:
    role = {"score": "score"} if what == "scores" else {"decision": "decision"}
    tally_file(path, DataSpec("outcome", "1", (), people, intersections=crossed, **role))
seconds = time.perf_counter() - started
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def measure(path: Path, what: str) -> tuple[float, float]:
    """Seconds, and MiB of memory, of one way of counting in a fresh process."""
    out = subprocess.run(
        [sys.executable, "-c", RUN, str(path), what], capture_output=True, text=True, check=True
    ).stdout.split()[-2:]  # a progress bar may come first
    return float(out[0]), float(out[1])


def main() -> None:
    """Make the file, count it three times each way, and print a table."""
    n = round(float(sys.argv[1] if len(sys.argv) > 1 else 10) * 1e6)
    ways = ("bare GROUP BY", "decisions", "scores")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.parquet"
        duckdb.sql(ROWS.format(n=n)).write_parquet(str(path))
        print(f"{n:,} rows, {path.stat().st_size / 2**20:,.0f} MiB of Parquet")
        found = {way: [] for way in ways}
        for _ in range(3):
            for way in ways:
                found[way].append(measure(path, way))
    bare = min(seconds for seconds, _ in found[ways[0]])
    print(f"{'':14s} {'seconds':>8s} {'ratio':>6s} {'peak MiB':>9s}")
    for way in ways:
        best, peak = min(s for s, _ in found[way]), max(m for _, m in found[way])
        print(f"{way:14s} {best:8.3f} {best / bare:6.2f} {peak:9,.0f}")


if __name__ == "__main__":
    main()
