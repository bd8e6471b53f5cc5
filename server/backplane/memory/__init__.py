"""The backplane inside one process: what a single worker uses, and what many nodes of one simulation share."""

from server.backplane.memory.doorbell import MemoryBackplane, MemoryHub
from server.backplane.memory.limiter import MemoryLimiter
from server.backplane.memory.registry import MemoryRegistry, MemoryRoll

__all__ = ["MemoryBackplane", "MemoryHub", "MemoryLimiter", "MemoryRegistry", "MemoryRoll"]
