"""What the benchmarks compare with: the same work done with other libraries, or by bare ones."""

import inference as _inference  # noqa: F401  before ONNX Runtime is imported: it keeps that from reporting home
