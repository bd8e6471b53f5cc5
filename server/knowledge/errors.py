"""What can be wrong with an article."""

from __future__ import annotations


class KnowledgeError(ValueError):
    """An article that can't be used: ``file``, ``line`` (from 1; 0: the file as a whole), ``problem``, ``remedy``."""

    def __init__(self, file: str, line: int, problem: str, remedy: str) -> None:
        place = f"{file}:{line}" if line else file
        super().__init__(f"{place}: {problem}. {remedy}")
        self.file = file
        self.line = line
        self.problem = problem
        self.remedy = remedy
