"""An MCP server: a coding agent makes, runs, inspects and explains living programs, and suggests edits to them.

Every tool runs a ``selfproof`` command of its own and passes on what that prints with ``--json``; the server decides
nothing. It speaks over standard input and output, and acts on folders below the one that it was started for.

Does not protect against:
- an agent that has a shell as well: it can do all of this, and more, without this server.
"""
