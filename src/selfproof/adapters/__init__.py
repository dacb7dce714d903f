"""Other tools' tasks as living programs, and the way back.

Each kind has a module that reads what is there into an ``Imported``; ``importing`` writes the program. An evaluator
runs unmodified, in the jail, in one process with the candidate: such an objective is marked ``joint``.
"""
