"""A chosen model as one file: everything needed to score, and not one training row.

A bundle is a zip of ``bundle.json`` (what it is, and the SHA-256 of the rest), ``encoder.json``
(how columns become what the model reads), ``model.safetensors`` (weights) and ``model_card.md``.
Reading it needs NumPy and pandas, and nothing in it is executed, unless it holds a model that
somebody brought as a file: that is run in a process of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load, save

from faircore.data import Table
from faircore.errors import BundleError
from faircore.export.reader import RowReader
from faircore.files import write_whole
from faircore.predictors import Calibrated, Inputs, Predictor, layers, predictor_from_arrays

FORMAT = 1
_PARTS = ("encoder.json", "model.safetensors", "model_card.md")
_MAX_BYTES = 1 << 29
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal contents give equal bytes


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model, how to feed it, and where to cut.

    Attributes
    ----------
    predictor : Predictor
    reader : RowReader
    threshold : float
        A row is selected when its score is at least this.
    facts : dict
        What the bundle is: review, candidate, data, target, good outcome, whether a sensitive
        attribute is needed, versions and hashes.
    card : str
        The model card, Markdown.
    """

    predictor: Predictor
    reader: RowReader
    threshold: float
    facts: dict[str, Any]
    card: str

    def score(self, table: Table) -> pd.DataFrame:
        """Score new rows.

        Parameters
        ----------
        table : Table
            Needs the columns the model reads, its sensitive attributes included where it decides
            by them; others are ignored.

        Returns
        -------
        DataFrame, n rows
            ``score``, the probability of the good outcome (moved by group where thresholds
            differ by group), and ``decision``, 1 for selected.

        Raises
        ------
        DataError
            When a column is missing or holds text where numbers are expected.
        InputError
            When a row's group was not there while the model learned, and it refuses those.
        """
        return self.decide(self.reader.inputs(table))

    def decide(self, inputs: Inputs) -> pd.DataFrame:
        """Score rows that are read already; see :meth:`score`."""
        try:
            scores = self.predictor.scores(inputs)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise BundleError(
                "The model in this bundle cannot be read: its parts do not fit together. Export it "
                "again."
            ) from error
        return pd.DataFrame(
            {"score": scores, "decision": (scores >= self.threshold).astype(np.int8)}
        )

    def unknown_groups(self, inputs: Inputs) -> int:
        """Rows whose group the model was not told of while it learned; 0 if it refuses those."""
        found = [0]
        for one in layers(self.predictor):
            key = getattr(one, "key", None)
            if key is not None and key.unseen != "refuse":
                found.append(int((key.codes(inputs.attributes(key.attributes)) < 0).sum()))
            if isinstance(one, Calibrated) and one.maps.unseen != "refuse" and one.maps.keys:
                found.append(one.maps.n_unknown(inputs.attributes(one.maps.attributes)))
        return max(found)


def export_bundle(bundle: Bundle, path: str | Path) -> Path:
    """Write a bundle; equal bundles give equal bytes."""
    contents = {
        "encoder.json": json.dumps(bundle.reader.to_dict(), sort_keys=True, indent=1).encode(),
        "model.safetensors": save(bundle.predictor.to_arrays()),
        "model_card.md": bundle.card.encode(),
    }
    head = {
        "format": FORMAT,
        "threshold": bundle.threshold,
        "facts": bundle.facts,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
    }
    path = Path(path)
    contents = {"bundle.json": json.dumps(head, sort_keys=True, indent=1).encode(), **contents}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    try:
        write_whole(path, packed.getvalue())
    except OSError as error:
        raise BundleError(
            f"The bundle could not be written to {path.name!r}: {error.strerror}. "
            "Choose a folder that exists and has space."
        ) from error
    return path


def load_bundle(path: str | Path) -> Bundle:
    """Read a bundle and check every part against its hash.

    Raises
    ------
    BundleError
        When the file is not a bundle, was changed, or comes from a newer faircore.
    """
    name = Path(path).name
    try:
        with zipfile.ZipFile(path) as archive:
            # The declared sizes are checked before a byte is unpacked.
            if sum(entry.file_size for entry in archive.infolist()) > _MAX_BYTES:
                raise BundleError(
                    f"{name!r} unpacks to more than 512 MiB; no bundle does. Check it."
                )
            head = json.loads(archive.read("bundle.json"))
            contents = {part: archive.read(part) for part in _PARTS}
    except FileNotFoundError:
        raise BundleError(f"There is no file {name!r}. Check the path of the bundle.") from None
    except BundleError:
        raise
    except (
        OSError,
        EOFError,
        KeyError,
        ValueError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise BundleError(
            f"{name!r} is not a faircore bundle: it is not a zip with the parts of one. "
            "Download it again from the Export page."
        ) from error
    if (
        not isinstance(head, dict)
        or head.get("format") != FORMAT
        or not isinstance(head.get("sha256"), dict)
    ):
        raise BundleError(
            f"{name!r} has a format this version of faircore does not read (it reads {FORMAT}). "
            "Update faircore, or export the bundle again."
        )
    for part, data in contents.items():
        if hashlib.sha256(data).hexdigest() != head["sha256"].get(part):
            raise BundleError(
                f"{part} in {name!r} is not what was exported: its hash differs. Do not use this "
                "bundle; download it again from the Export page."
            )
    try:
        bundle = Bundle(
            predictor_from_arrays(load(contents["model.safetensors"])),
            RowReader.from_dict(json.loads(contents["encoder.json"])),
            float(head["threshold"]),
            dict(head["facts"]),
            contents["model_card.md"].decode(),
        )
        columns = len(bundle.reader.encoder.names)
        fits = bundle.predictor.n_features in (None, columns)
    except (
        AttributeError,
        IndexError,
        KeyError,
        RecursionError,
        TypeError,
        ValueError,
        SafetensorError,
    ) as error:
        raise BundleError(f"{name!r} cannot be read as a model. Export it again.") from error
    if not fits or not 0 <= bundle.threshold <= 1:
        raise BundleError(
            f"{name!r} is no model that can decide: its inputs do not fit its weights, or its "
            "threshold is not between 0 and 1. Export it again."
        )
    return bundle
