"""Every error faircore raises on purpose.

FaircoreError
├── InputError (also a ValueError)   something the caller gave cannot be used
│   ├── DataError                    the file or the table
│   ├── SpecError                    the column roles
│   ├── SweepError                   the request for a sweep
│   ├── OnceError                    something was recorded that can be recorded once only
│   └── BundleError                  an exported bundle
├── NotFittedError                   a model or calibrator was used before ``fit``
├── StoreError                       the workspace on disk
├── JobError                         a background sweep
└── MissingToolError                 an optional program, such as a browser, is absent

A message names the subject, the rule, what was found and what to do next. It never repeats a
cell of the data, because a cell may be somebody's race or income.
"""

from __future__ import annotations


class FaircoreError(Exception):
    """Base of every error raised on purpose."""


class InputError(FaircoreError, ValueError):
    """Something the caller gave cannot be used."""


class DataError(InputError):
    """The file or table cannot be used."""


class SpecError(InputError):
    """The column roles cannot be used with this table."""


class SweepError(InputError):
    """The request for a sweep cannot be used."""


class OnceError(InputError):
    """It stands in the record already, and can be recorded once only."""


class BundleError(InputError):
    """The exported bundle is damaged, or does not fit the rows to score."""


class NotFittedError(FaircoreError):
    """``fit`` has not been called."""


class StoreError(FaircoreError):
    """The workspace cannot be read or written."""


class JobError(FaircoreError):
    """A background sweep cannot be started or watched."""


class MissingToolError(FaircoreError):
    """An optional program is not on this machine."""
