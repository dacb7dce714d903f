"""The certified line: confirm a finalist, decide, adopt, watch, roll back. The only way in.

Ledger order of an adoption: confirm-start (durable) -> results -> verdict (durable) -> guards -> decision ->
adopt (durable) -> git commit -> canary -> certificate. Where people must sign, wait and their approvals come before
adopt. A kill between any two is finished or discarded at the next start.
"""

from selfproof.line.adopting import full, limit, refuse
from selfproof.line.approving import decided
from selfproof.line.confirming import WAITING, confirm
from selfproof.line.deciding import decide
from selfproof.line.resuming import resume, watch_on
from selfproof.line.undoing import rollback

__all__ = ["WAITING", "confirm", "decide", "decided", "full", "limit", "refuse", "resume", "rollback", "watch_on"]
