"""Traces of a turn, from frame to answer, by OpenTelemetry (docs/traces.md). Imported only where they are on."""
