"""What one connection may do now, as values: no socket, no clock, no database."""
