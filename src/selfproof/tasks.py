"""What a task of yours imports: ``from selfproof.tasks import FiniteTask, InvalidAnswer, Sample``."""

from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import Exchange, InvalidAnswer, Sample, Task, Workload

__all__ = ["Exchange", "FiniteTask", "InvalidAnswer", "Sample", "Task", "Workload"]
