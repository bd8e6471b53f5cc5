"""What can go wrong in a build. Every text names the file and the remedy."""

from __future__ import annotations


class BuildError(Exception):
    """The root of this package's errors."""


class DataError(BuildError):
    """A data file is missing or malformed."""


class PretrainedMissingError(BuildError):
    """The package with the pre-trained weights is not installed."""


class ResumeError(BuildError):
    """A checkpoint belongs to another run."""


class PackError(BuildError):
    """A pack breaks one of its own rules."""


class SoupError(BuildError):
    """Checkpoints that can't be averaged."""
