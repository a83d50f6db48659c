"""Speed and memory, measured side by side; run as ``python -m benchmarks.NAME``."""
