"""Your scorer, by the name that it is called by here."""


def score(files: dict[str, bytes]) -> float:
    """The bytes of each file that a run left -> what they are worth."""
    raise NotImplementedError(f"score {', '.join(files)}")
