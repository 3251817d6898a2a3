"""FAKES: disks, clocks and brokers for tests, shipped for users too."""
