"""Side-by-side measurements: the same job done by several programs in one run (``python -m benchmarks``)."""
