"""The HTTP side: pages, health, metrics."""
