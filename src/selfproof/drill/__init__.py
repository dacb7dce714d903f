"""Drills: real faults are injected in scratch copies, and what must follow is looked at."""

from selfproof.drill.rolling_back import Step, drill, record

__all__ = ["Step", "drill", "record"]
