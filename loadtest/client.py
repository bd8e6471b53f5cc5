"""The client that loads: a plain connection of ``parlance_client``, which never comes back unasked.

Who measures or breaks a server wants to see each end and decide each return; ``parlance_client.Client`` hides both.
"""

from __future__ import annotations

from parlance_client import Connection as Client
from parlance_client import Push, new_key

__all__ = ["Client", "Push", "new_key"]
