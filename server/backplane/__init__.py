"""The doorbell between workers."""
