"""From a file to a dataset: read text exactly, name the roles, check, split and encode.

``read_table`` reads a file into a ``Table`` of text cells and converts nothing. ``guess_spec``
proposes a ``DataSpec`` (which column is what), ``check_spec`` says what is wrong with it, and
``build_dataset`` makes the ``Dataset`` all later steps use. ``split_dataset`` cuts it into train,
calibrate, select and certify; ``Encoder`` turns features into a matrix. No row is ever dropped,
and no message repeats a cell.
"""

from faircore.data.arrays import as_frame, dataset_from_arrays
from faircore.data.checks import check_spec
from faircore.data.dataset import Dataset, build_dataset, read_dataset
from faircore.data.encoding import Encoder
from faircore.data.findings import Finding
from faircore.data.fingerprint import rows_fingerprint
from faircore.data.guess import describe_roles, groupable, guess_spec
from faircore.data.ingest import read_table
from faircore.data.limits import Limits
from faircore.data.samples import SAMPLES, Sample, load_sample
from faircore.data.spec import DataSpec, Sensitive
from faircore.data.splits import Splits, split_dataset, split_rows
from faircore.data.synthetic import make_lending
from faircore.data.table import Table, load_table, write_table

__all__ = [
    "SAMPLES",
    "DataSpec",
    "Dataset",
    "Encoder",
    "Finding",
    "Limits",
    "Sample",
    "Sensitive",
    "Splits",
    "Table",
    "as_frame",
    "build_dataset",
    "check_spec",
    "dataset_from_arrays",
    "describe_roles",
    "groupable",
    "guess_spec",
    "load_sample",
    "load_table",
    "make_lending",
    "read_dataset",
    "read_table",
    "rows_fingerprint",
    "split_dataset",
    "split_rows",
    "write_table",
]
