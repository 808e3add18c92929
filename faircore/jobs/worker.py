"""The process that trains and checks: ``python -m faircore.jobs.worker FOLDER``."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from faircore.audit.study import run_study
from faircore.data import Dataset
from faircore.errors import FaircoreError
from faircore.files import write_whole
from faircore.jobs.job import JobState, Work, read_request, report
from faircore.plans import SweepPlan
from faircore.records import ReviewStore
from faircore.sweep import Progress, run_plan

_REPORT_SECONDS = 0.2
_CURVE_SECONDS = 1.0
_CURVE_ROWS = 120


def _work(
    dataset: Dataset, spec: Work, folder: Path, on_progress: Callable[[Progress], None]
) -> None:
    workspace = folder.parent.parent
    if isinstance(spec, SweepPlan):
        curves = _Curves(folder)
        run_plan(dataset, spec, workspace=workspace, on_progress=on_progress, on_epoch=curves.add)
        return
    wanted = spec.n_steps
    run_study(
        dataset,
        spec,
        workspace=workspace,
        on_progress=lambda done: on_progress(Progress(wanted, done, done / wanted)),
    )


class _Curves:
    """Learning curves of the trials at work, for whoever watches."""

    def __init__(self, folder: Path) -> None:
        self._path, self._last = folder / "curves.json", 0.0
        self._rows: dict[str, list[dict[str, float]]] = {}

    def add(self, trial: str, row: dict[str, float]) -> None:
        """Note one epoch of a trial; written down now and then."""
        # JSON knows no NaN: a figure that is undefined is left out.
        rows = self._rows.setdefault(trial, [])
        rows.append({k: v for k, v in row.items() if v == v})
        if len(rows) > _CURVE_ROWS:  # a picture needs no more
            del rows[1:-1:2]
        if time.monotonic() - self._last >= _CURVE_SECONDS:
            self._last = time.monotonic()
            write_whole(self._path, json.dumps(self._rows).encode(), durable=False)


class _Cancelled(Exception):  # noqa: N818 - not an error: somebody asked for it
    pass


def main(folder: Path) -> int:
    """Do the work a job folder asks for; the exit code is 0 unless it failed."""
    workspace = folder.parent.parent
    started = time.monotonic()
    review_id, spec = read_request(folder)
    state = JobState("running", spec.n_steps, pid=os.getpid())
    last = 0.0

    def on_progress(progress: Progress) -> None:
        nonlocal state, last
        state = replace(
            state,
            wanted=progress.wanted,
            finished=progress.finished,
            share=progress.share,
            seconds=time.monotonic() - started,
        )
        if time.monotonic() - last >= _REPORT_SECONDS:
            last = time.monotonic()
            report(folder, state)
        if (folder / "cancel").exists():
            raise _Cancelled

    def end(name: str, message: str = "") -> None:
        seconds = time.monotonic() - started
        report(folder, replace(state, state=name, seconds=seconds, message=message))

    try:
        _work(ReviewStore(workspace).dataset(review_id), spec, folder, on_progress)
    except _Cancelled:
        end("cancelled")
    except FaircoreError as error:
        end("failed", str(error))
        return 1
    except Exception:
        traceback.print_exc()  # into the job's log, never onto a page: it may hold data
        end("failed", "The work stopped because of a fault in faircore; the log of the job has it.")
        return 1
    else:
        state = replace(state, finished=state.wanted, share=1.0)
        end("finished")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
