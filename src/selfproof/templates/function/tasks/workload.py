"""What your function is timed on: recorded calls, and variants of them, fresh for each pair. Yours to change."""

from __future__ import annotations

from selfproof.trial.recorded import RecordedCalls

from .calls import CALLS, LONGER


class Workload(RecordedCalls):
    """Each input is a list of different calls; those of explore, confirm and report are never the same."""

    calls = (*CALLS, *LONGER)
    kinds = ()
    per_input = 16
