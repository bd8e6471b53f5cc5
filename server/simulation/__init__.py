"""Simulated customers in the real pipeline: analysis, decision, answer and reward are the server's own, in one process,
with a database of their own and a clock that does not wait."""
