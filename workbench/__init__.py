"""What builders use: the launcher's commands, the demo, sample visitors, benchmarks. Nothing that ships imports it."""
