"""What a whole crowd in one process need not work out a hundred times: whether a signature is good."""

from meshcast.protocol.identity import verify

ANSWERS_MAX = 2_000
"""Three minutes of chunks, or the tickets of a crowd: long after the last of them has asked."""


class Remembered:
    """`verify`, each question asked once; the oldest answers are forgotten."""

    def __init__(self) -> None:
        self._answers: dict[tuple[bytes, bytes, bytes], bool] = {}

    def __call__(self, public_key: bytes, signature: bytes, signed: bytes) -> bool:
        """Tell whether a signature is good."""
        question = (public_key, signature, signed)
        answer = self._answers.get(question)
        if answer is None:
            if len(self._answers) >= ANSWERS_MAX:
                del self._answers[next(iter(self._answers))]
            answer = self._answers[question] = verify(public_key, signature, signed)
        return answer
