from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from safetensors.numpy import load

from faircore.data import Dataset, Table
from faircore.errors import StoreError
from faircore.jobs import Job, start_sweep
from faircore.jobs.job import JobState, report
from faircore.plans import SweepPlan, SweepSpec
from faircore.records import Review, ReviewStore, frontier_of_review
from faircore.store import TrialStore
from faircore.sweep import run_sweep
from faircore.training import TrainingConfig

QUICK = SweepSpec((0.5, 1.0), config=TrainingConfig(hidden=(4,), epochs=2))
# Minutes of work: whoever starts it stops it.
LONG = SweepSpec(
    (0.5, 1.0), seeds=(0, 1), config=TrainingConfig(hidden=(64, 64), epochs=4_000, patience=4_000)
)

New = tuple[Path, Review]


@pytest.fixture
def new(lending: tuple[Table, Dataset], tmp_path: Path) -> New:
    """A review in which nothing is trained."""
    return tmp_path, ReviewStore(tmp_path).create("Loans", *lending)


@pytest.fixture
def jobs() -> Iterator[list[Job]]:
    """Jobs a test starts; those it leaves running are ended."""
    started: list[Job] = []
    yield started
    for job in started:
        state = job.state()
        if not state.done and state.pid != os.getpid():
            kill(state.pid)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")


def until(holds: Callable[[], object], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def stored(new: New, spec: SweepSpec) -> dict[str, dict[str, bytes]]:
    """Every stored trial of a sweep, as bytes."""
    store = TrialStore(new[0] / "trials")
    ids = [spec.trial_id(new[1].fingerprint, *trial) for trial in spec.trials]
    return {
        i: {p.name: p.read_bytes() for p in store.folder(i).iterdir()}
        for i in ids
        if store.get(i) is not None
    }


def workers(folder: Path) -> list[int]:
    """Processes that work on a job folder."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        line = process.info["cmdline"] or []
        if str(folder) in line and process.info["status"] != "zombie":
            found.append(process.info["pid"])
    return found


def test_a_sweep_runs_in_its_own_process(new: New, jobs: list[Job]) -> None:
    workspace, review = new
    job = start_sweep(workspace, review.id, QUICK)
    jobs.append(job)
    seen = [job.state()]
    assert seen[0].state == "running"
    assert seen[0].pid not in (0, os.getpid())
    assert os.getpriority(os.PRIO_PROCESS, seen[0].pid) > os.getpriority(os.PRIO_PROCESS, 0)
    until(lambda: seen.append(job.state()) or seen[-1].done)
    last = seen[-1]
    assert (last.state, last.wanted, last.finished, last.share) == ("finished", 3, 3, 1.0)
    for name in ("share", "finished", "seconds"):
        values = [getattr(state, name) for state in seen]
        assert values == sorted(values), name
    assert {state.wanted for state in seen} == {3}
    assert {state.pid for state in seen} == {last.pid}
    assert len(frontier_of_review(workspace, review.id).candidates) == 3
    assert ReviewStore(workspace).get(review.id).sweeps == (SweepPlan((QUICK,)).to_json(),)
    assert (job.folder / "log.txt").read_text() == ""
    # Somebody else, who started nothing, reads the same.
    assert Job(workspace, review.id, QUICK).state() == last
    # The record of the job holds ids and settings, no row.
    request = json.loads((job.folder / "request.json").read_bytes())
    assert request == {"review": review.id, "kind": "sweep", "spec": SweepPlan((QUICK,)).to_json()}
    assert not list(job.folder.glob(".*"))
    # Asked again, nothing is trained again.
    before = stored(new, QUICK)
    again = start_sweep(workspace, review.id, QUICK)
    jobs.append(again)
    assert again.wait(timeout_seconds=30).state == "finished"
    assert stored(new, QUICK) == before
    assert ReviewStore(workspace).get(review.id).sweeps == (SweepPlan((QUICK,)).to_json(),)


def test_the_same_request_twice_starts_one_process(new: New, jobs: list[Job]) -> None:
    workspace, review = new
    first = start_sweep(workspace, review.id, LONG)
    jobs.append(first)
    pid = first.state().pid
    second = start_sweep(workspace, review.id, LONG)
    assert (second.folder, second.state().pid) == (first.folder, pid)
    assert workers(first.folder) == [pid]


def test_other_requests_have_other_jobs(new: New) -> None:
    workspace, review = new
    folders = {
        Job(workspace, review.id, QUICK).folder,
        Job(workspace, review.id, replace(QUICK, seeds=(1,))).folder,
        Job(workspace, "0" * 12, QUICK).folder,
    }
    assert len(folders) == 3


def test_cancelling_keeps_what_is_finished_and_a_new_start_trains_the_rest(
    new: New, jobs: list[Job], lending: tuple[Table, Dataset]
) -> None:
    workspace, review = new
    run_sweep(lending[1], QUICK, workspace=workspace)
    before = stored(new, QUICK)

    more = replace(QUICK, strengths=(*QUICK.strengths, 2.0, 3.0))
    job = Job(workspace, review.id, more)
    jobs.append(job)
    job.start()
    job.cancel()  # long before the worker has loaded
    state = job.wait(timeout_seconds=30)
    assert (state.state, state.wanted, state.finished) == ("cancelled", 5, 3)
    assert stored(new, more) == before
    job.start()
    state = job.wait(timeout_seconds=30)
    assert (state.state, state.finished) == ("finished", 5)
    after = stored(new, more)
    assert len(after) == 5
    assert {i: after[i] for i in before} == before


def test_cancelling_stops_the_middle_of_training(new: New, jobs: list[Job]) -> None:
    workspace, review = new
    job = start_sweep(workspace, review.id, LONG)
    jobs.append(job)
    until(lambda: job.state().share > 0)
    job.cancel()
    state = job.wait(timeout_seconds=20)
    assert (state.state, state.message) == ("cancelled", "")
    until(lambda: workers(job.folder) == [], seconds=10)


def test_a_killed_worker_is_lost_and_what_it_finished_is_not(
    new: New, jobs: list[Job], lending: tuple[Table, Dataset]
) -> None:
    workspace, review = new
    run_sweep(lending[1], QUICK, workspace=workspace)
    before = stored(new, QUICK)

    # The same request with one trial taken away: a new start has something to do.
    gone = sorted(before)[0]
    folder = TrialStore(workspace / "trials").folder(gone)
    folder.rename(workspace / "taken-away")
    job = Job(workspace, review.id, QUICK)
    jobs.append(job)
    job.start()
    pid = job.state().pid
    kill(pid)
    until(lambda: job.state().done)
    state = job.state()
    assert (state.state, state.done, state.pid) == ("lost", True, pid)
    assert {i: b for i, b in before.items() if i != gone} == stored(new, QUICK)
    job.start()
    state = job.wait(timeout_seconds=30)
    assert (state.state, state.finished) == ("finished", 3)
    again = stored(new, QUICK)
    assert set(again) == set(before)
    # Trained in other company, a network may differ in the last bit of a product.
    new_model, old_model = (load(b[gone]["model.safetensors"]) for b in (again, before))
    for name, array in old_model.items():
        np.testing.assert_allclose(new_model[name], array, atol=1e-4)


def test_a_worker_killed_while_it_trains_is_lost(new: New, jobs: list[Job]) -> None:
    workspace, review = new
    job = start_sweep(workspace, review.id, LONG)
    jobs.append(job)
    until(lambda: job.state().share > 0)
    kill(job.state().pid)
    until(lambda: job.state().done)
    assert job.state().state == "lost"
    assert job.state().share > 0
    # Another process sees the same, without being its parent.
    assert Job(workspace, review.id, LONG).state().state == "lost"


def test_damaged_data_fail_with_a_sentence(new: New, jobs: list[Job]) -> None:
    workspace, review = new
    ReviewStore(workspace).table_path(review.id).write_bytes(b"PAR1 canary")
    job = start_sweep(workspace, review.id, QUICK)
    jobs.append(job)
    state = job.wait(timeout_seconds=30)
    assert state.state == "failed"
    assert state.message.endswith(".")
    assert len(state.message) < 300
    for word in ("Traceback", 'File "', "canary", "Error"):
        assert word not in state.message
    assert stored(new, QUICK) == {}


def test_lost_data_fail_with_a_sentence(new: New, jobs: list[Job]) -> None:
    workspace, review = new
    ReviewStore(workspace).table_path(review.id).unlink()
    job = start_sweep(workspace, review.id, QUICK)
    jobs.append(job)
    state = job.wait(timeout_seconds=30)
    assert state.state == "failed"
    assert "fault in faircore" not in state.message  # the data are at fault, and it can be said
    assert state.message.endswith(".")


def test_an_unknown_partition_fails_with_its_name(new: New, jobs: list[Job]) -> None:
    workspace, review = new
    job = start_sweep(workspace, review.id, replace(QUICK, partitions=("religion",)))
    jobs.append(job)
    state = job.wait(timeout_seconds=30)
    assert state.state == "failed"
    assert "religion" in state.message


def test_a_review_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        start_sweep(tmp_path, "0" * 12, QUICK)
    assert not (tmp_path / "jobs").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"state": "running", "size": 3}',
     b'{"state": "running", "pid": "1; rm"}', b'{"state": "running"}',
     b'{"state": "running", "pid": -1}'],
)  # fmt: skip
def test_progress_nobody_can_read_counts_as_lost(new: New, content: bytes) -> None:
    workspace, review = new
    job = Job(workspace, review.id, QUICK)
    job.folder.mkdir(parents=True)
    (job.folder / "progress.json").write_bytes(content)
    assert job.state().state == "lost"
    assert job.state().wanted == 3


def test_a_job_that_never_started_is_lost_and_may_be_cancelled(new: New) -> None:
    workspace, review = new
    job = Job(workspace, review.id, QUICK)
    assert job.state() == JobState("lost", 3)
    job.cancel()
    assert job.state().state == "lost"


def test_a_number_that_another_program_got_is_no_worker(new: New) -> None:
    """After a restart of the machine, or of a container, process numbers are given out again."""
    workspace, review = new
    job = Job(workspace, review.id, QUICK)
    job.folder.mkdir(parents=True)
    report(job.folder, JobState("running", 3, pid=os.getpid()))  # alive, and trains nothing
    assert job.state().state == "lost"
