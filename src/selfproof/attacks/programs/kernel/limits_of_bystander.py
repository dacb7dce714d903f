"""Lowers another process's limits."""

import resource


def solve(x):
    resource.prlimit(x["bystander"], resource.RLIMIT_CORE, (0, 0))
    resource.prlimit(x["bystander"], resource.RLIMIT_CPU, (9999, 9999))
