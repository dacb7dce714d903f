"""Exchanges on the engine's side: answers are decoded, the task's own code replies, whatever it raises ends it."""

from __future__ import annotations

from typing import Final

from selfproof.jail import values
from selfproof.jail.limits import Reply
from selfproof.trial.task import Exchange, InvalidAnswer

_REFUSED: Final = "\0refused: "
_MESSAGE_MAX: Final = 300


def replies(exchange: Exchange) -> Reply:
    """What a job needs of an exchange: from an answer's bytes to the next message's, or to what it came to."""

    def reply(output: bytes) -> tuple[bool, bytes]:
        try:
            message = exchange.reply(values.decode(output))
            return (True, values.encode(exchange.result())) if message is None else (False, values.encode(message))
        except Exception as error:  # noqa: BLE001  a person's code: whatever it raises on an answer, the answer is invalid
            told = str(error) if isinstance(error, InvalidAnswer) else f"{type(error).__name__}: {error}"
            return True, values.encode(_REFUSED + told[:_MESSAGE_MAX])

    return reply


def answered(output: bytes) -> object:
    """An encoded answer, or what an exchange came to.

    Raises:
        InvalidAnswer: the exchange was ended by a malformed answer.
        ValueInvalid: these bytes are no value.
    """
    answer = values.decode(output)
    if isinstance(answer, str) and answer.startswith(_REFUSED):
        raise InvalidAnswer(answer.removeprefix(_REFUSED))
    return answer
