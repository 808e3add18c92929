"""What tests share: small data sets, and a workspace with a trained review in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from faircore.data import Dataset, Table, build_dataset, load_sample, make_lending
from faircore.plans import SweepSpec
from faircore.records import Review, ReviewStore
from faircore.sweep import run_sweep
from faircore.training import TrainingConfig

# `make test` draws the same rows every time, so that it says the same of the same code; `make
# fuzz` looks for what these rows do not show.
settings.register_profile("same", derandomize=True)
settings.register_profile("fuzz", max_examples=1000, deadline=None)
settings.load_profile("same")

SMALL = TrainingConfig(hidden=(8,), epochs=3)


@pytest.fixture(scope="session")
def lending() -> tuple[Table, Dataset]:
    """4,000 made-up loan applications."""
    _, spec = load_sample("lending")
    table = Table.from_frame(make_lending(4_000, seed=3), "lending.csv")
    return table, build_dataset(table, spec)


@pytest.fixture(scope="session")
def trained(
    lending: tuple[Table, Dataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Review]:
    """A workspace with one review and a small finished sweep; tests only read it."""
    return make_trained(tmp_path_factory.mktemp("trained"), *lending)


@pytest.fixture
def fresh(lending: tuple[Table, Dataset], tmp_path: Path) -> tuple[Path, Review]:
    """The same in a workspace of the test's own, to change."""
    return make_trained(tmp_path / "workspace", *lending)


def make_trained(workspace: Path, table: Table, dataset: Dataset) -> tuple[Path, Review]:
    """Train a small sweep and note it in a review."""
    workspace.mkdir(exist_ok=True)
    spec = SweepSpec((0.5, 2.0), seeds=(0, 1), partitions=("race",), config=SMALL)
    run_sweep(dataset, spec, workspace=workspace)
    reviews = ReviewStore(workspace)
    review = reviews.create("Lending trial", table, dataset)
    return workspace, reviews.add_sweep(review.id, spec.to_json())


@pytest.fixture(autouse=True)
def own_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test ever touches the workspace of whoever runs it."""
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(tmp_path / "own"))
