"""What can go wrong in a measurement. Every message says what to do or what the server said."""

from __future__ import annotations


class BenchError(Exception):
    """The root of this package's errors."""


class UsageError(BenchError):
    """The command line asks for something that cannot be measured."""


class ServerNotReady(BenchError):
    """A server did not start, or does not answer."""


class ScenarioFailed(BenchError):
    """A server did not do what the scenario needs, so there is no figure."""


class ServersDiffer(BenchError):
    """Two servers to compare do not give the same answer."""


class ModelMissing(BenchError):
    """A model to measure with cannot be prepared."""
