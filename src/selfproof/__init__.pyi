from selfproof.improving import Result as Result
from selfproof.improving import improve as improve
from selfproof.improving import live as live

__version__: str
