"""A sweep or a study as a process of its own: started, watched and cancelled through files.

The page never trains. It starts ``python -m faircore.jobs.worker FOLDER`` and reads the progress
that the worker writes, so a reload, a second tab or another server sees the same job.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from faircore.audit.study import StudySpec
from faircore.errors import JobError
from faircore.files import locked, write_whole
from faircore.plans import SweepPlan, SweepSpec
from faircore.records import ReviewStore

_NICE = 10  # the dashboard comes first
_ALIVE = "alive"
_children: list[subprocess.Popen[bytes]] = []


Work = SweepPlan | StudySpec
_KINDS: dict[type[SweepPlan] | type[StudySpec], str] = {SweepPlan: "sweep", StudySpec: "study"}


@dataclass(frozen=True)
class JobState:
    """How a job stands.

    Attributes
    ----------
    state : str
        ``running``, ``finished``, ``cancelled``, ``failed`` or ``lost`` (its process is gone
        without a word).
    wanted, finished : int
        Trials or checks asked for, and stored so far.
    share : float
        Share of all its work done, in [0, 1].
    seconds : float
        Since the start.
    message : str
        Why it failed, for people.
    pid : int
    """

    state: str
    wanted: int = 0
    finished: int = 0
    share: float = 0.0
    seconds: float = 0.0
    message: str = ""
    pid: int = 0

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self.state != "running"


class Job:
    """A sweep or a study for a review, in a folder of the workspace.

    Parameters
    ----------
    workspace : path
    review_id : str
    spec : SweepPlan, SweepSpec or StudySpec
        A single sweep is a plan of one.
    """

    def __init__(self, workspace: str | Path, review_id: str, spec: Work | SweepSpec) -> None:
        self.workspace = Path(workspace)
        self.review_id = review_id
        self.spec: Work = SweepPlan((spec,)) if isinstance(spec, SweepSpec) else spec
        name = hashlib.sha256(f"{review_id} {self.spec.to_json()}".encode()).hexdigest()[:16]
        self.folder = self.workspace / "jobs" / name

    def start(self) -> None:
        """Start the worker, unless it runs already.

        Raises
        ------
        JobError
            When no process can be started.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock"):
            if not self.state().done:
                if not (self.folder / "cancel").exists():
                    return
                self.wait(timeout_seconds=60)  # it was told to stop, and is about to
            (self.folder / "cancel").unlink(missing_ok=True)
            request = {
                "review": self.review_id,
                "kind": _KINDS[type(self.spec)],
                "spec": self.spec.to_json(),
            }
            write_whole(self.folder / "request.json", json.dumps(request).encode())
            try:
                with (
                    (self.folder / "log.txt").open("ab") as log,
                    (self.folder / _ALIVE).open("ab") as alive,
                ):
                    # The worker inherits the lock and holds it as long as it lives, whatever
                    # kills it. A process id would be given to somebody else one day.
                    fcntl.flock(alive, fcntl.LOCK_EX)
                    process = subprocess.Popen(
                        [sys.executable, "-m", "faircore.jobs.worker", str(self.folder)],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                        pass_fds=[alive.fileno()],
                    )
            except OSError as error:
                raise JobError(
                    f"The process could not be started: {error.strerror}. Close other "
                    "programs and launch again."
                ) from error
            _children.append(process)  # kept, so that Python reaps it when it has ended
            with suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
            report(self.folder, JobState("running", self.spec.n_steps, pid=process.pid))

    def state(self) -> JobState:
        """Read how the job stands; ``lost`` when it never started or its process has died."""
        alive = self._alive()  # before reading: its last word may come between the two looks
        try:
            raw: dict[str, Any] = json.loads((self.folder / "progress.json").read_bytes())
            state = JobState(**raw)
            readable = isinstance(state.pid, int) and state.pid > 0
        except (OSError, ValueError, TypeError):
            readable = False
        if not readable:
            return JobState("lost", self.spec.n_steps)
        return state if state.done or alive else replace(state, state="lost")

    def _alive(self) -> bool:
        """Whether a worker holds the lock it was started with."""
        try:
            with (self.folder / _ALIVE).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def cancel(self) -> None:
        """Ask the worker to stop; what is finished is kept."""
        if self.folder.is_dir():
            (self.folder / "cancel").touch()

    def wait(self, *, timeout_seconds: float = 600.0) -> JobState:
        """Wait until nothing more will happen."""
        deadline = time.monotonic() + timeout_seconds
        while not (state := self.state()).done:
            if time.monotonic() > deadline:
                raise JobError(f"The job has not ended within {timeout_seconds:.0f} seconds.")
            time.sleep(0.05)
        return state


def report(folder: Path, state: JobState) -> None:
    """Write how a job stands."""
    write_whole(folder / "progress.json", json.dumps(asdict(state)).encode(), durable=state.done)


def read_request(folder: Path) -> tuple[str, Work]:
    """Review and work a job folder asks for."""
    raw = json.loads((folder / "request.json").read_bytes())
    kind = next(work for work, name in _KINDS.items() if name == raw["kind"])
    return str(raw["review"]), kind.from_json(raw["spec"])


def read_curves(folder: Path) -> dict[str, list[dict[str, float]]]:
    """History of each trial the job has worked on so far, by its id."""
    try:
        raw: dict[str, list[dict[str, float]]] = json.loads((folder / "curves.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return raw


def start_sweep(
    workspace: str | Path,
    review_id: str,
    plan: SweepPlan | SweepSpec,
    *,
    who: str | None = None,
) -> Job:
    """Note what is to be trained in its review, and who asked for it, and start it."""
    job = Job(workspace, review_id, plan)
    ReviewStore(workspace).add_sweep(review_id, job.spec.to_json(), who=who)
    job.start()
    return job
