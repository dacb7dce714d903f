"""The product's own attack suite: programs that try to get out of the jail, to cheat the scorer or to wear the engine
down, and a judge outside that looks for evidence that one did.

    python -c "from selfproof.attacks import suite; print(sum(row.through for row in suite.run('jail')))"

Every attack runs against a *sacrificial engine*, a process of its own with one worker; what is attacked beside it (a
bystander, sockets, files with tokens) belongs to the monitor. Every attack gets through where all layers are left out,
or it would be no attack; none may where all are in place.

Does not protect against:
- attacks that nobody has written down here: the suite shows that layers hold, never that nothing is missing.
"""
