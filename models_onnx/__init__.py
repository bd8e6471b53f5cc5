"""The models that ship, and the code that makes them.

Only `network`, `losses`, `train` and `export` need torch; the rest runs in the server's environment.
"""

import inference as _inference  # noqa: F401  before ONNX Runtime is imported: it keeps that from reporting home
