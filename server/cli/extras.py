"""What an optional part of the package needs, and how it is installed."""

from __future__ import annotations

from server.errors import StartupError, install_command


def check_pictures(otherwise: str = "") -> None:
    """``StartupError`` where pictures can't be made; ``otherwise``: what else the caller can do."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        remedy = f"Install it with `{install_command('report')}`{otherwise and f', or {otherwise}'}."
        raise StartupError("The pictures need Matplotlib, which is not installed.", remedy) from None
