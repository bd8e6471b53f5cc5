"""Fuzzers: short in every test run, as long as wanted by ``make fuzz`` (``FUZZ_S``, seconds for each)."""
