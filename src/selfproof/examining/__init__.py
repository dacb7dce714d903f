"""What is looked at after each adoption, beside the canary: what changed that no objective and no guard measures.

``after`` examines the newest version and writes an `examined` entry; ``look`` does what the tripwires say of it
(``oversight.tripwires`` decides). Measured here, decided there.
"""

from selfproof.examining.acting import after, look
from selfproof.examining.examination import examine

__all__ = ["after", "examine", "look"]
