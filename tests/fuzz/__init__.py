"""Fuzzers: short in every test run, as long as wanted by ``make fuzz`` (``PARLANCE_FUZZ_S``, seconds for each)."""
