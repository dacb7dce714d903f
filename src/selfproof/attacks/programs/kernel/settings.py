"""Writes a setting of the kernel (the value that it has)."""


def solve(x):
    with open("/proc/sys/vm/overcommit_memory", "r+") as setting:
        value = setting.read()
        setting.seek(0)
        setting.write(value)
    return "went through"
