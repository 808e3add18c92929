"""The trial store: finished trials as checked files."""

from faircore.store.trials import StoredTrial, TrialStore

__all__ = ["StoredTrial", "TrialStore"]
