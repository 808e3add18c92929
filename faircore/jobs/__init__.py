"""Sweeps as processes of their own."""

from faircore.jobs.job import Job, JobState, start_sweep

__all__ = ["Job", "JobState", "start_sweep"]
