"""What the author's tests share."""

from tests.unit.language.house import make

__all__ = ["make"]
