"""What the benchmarks compare with: the same work done with other libraries, or by bare ones."""
