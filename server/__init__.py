"""The live chat: sockets, sessions, channels, turns, fan-out, storage and pages."""

__version__ = "0.1.0"
