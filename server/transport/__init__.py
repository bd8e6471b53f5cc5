"""Sockets and HTTP: the only rooms that know them."""
