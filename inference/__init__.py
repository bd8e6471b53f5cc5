"""What understands: one small ONNX model, the words beside it, and the engine that runs them."""

import os

# Since 1.31 ONNX Runtime gathers events in the home directory and sends them to its maker, unless this is set before it
# is imported: whatever runs here stays here.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
