"""Which answers of a language model may be given again (pure)."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from server.chat.language.values import WritingRequest
from server.chat.recent import normalised


class AnswerKey(NamedTuple):
    """What an answer depends on: the question, the persona, and all else that the model is told. ``told``: a digest of
    that, passages in their versions, style, mood and names included."""

    question: str
    persona: str
    variant: str | None
    told: bytes


def answer_key(request: WritingRequest, question: str) -> AnswerKey | None:
    """None where something was said before, so that the same words need not fit again; where there are no passages to
    answer from: then chance is welcome; and where personal data was kept from the model: the answer has it again."""
    prompt = request.prompt
    if request.values or len(prompt.messages) != 2 or not prompt.passages:
        return None
    told = prompt.messages[0].content.replace(prompt.nonce, "")
    return AnswerKey(
        normalised(question), request.persona, request.variant, hashlib.blake2b(told.encode(), digest_size=16).digest()
    )
