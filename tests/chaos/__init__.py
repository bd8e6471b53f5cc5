"""The guarantees of PROTOCOL §9 under faults."""

import pytest

# Both assert what a test asks of them: their failures have to say what they saw.
pytest.register_assert_rewrite("tests.chaos.checker", "tests.chaos.fleet")
