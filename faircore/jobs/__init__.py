"""Sweeps as processes of their own."""

from faircore.jobs.job import Job, JobState, read_curves, start_sweep

__all__ = ["Job", "JobState", "read_curves", "start_sweep"]
