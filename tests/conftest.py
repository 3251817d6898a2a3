"""What pytest must know before it reads any test."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks of the tests that `make test` leaves out and `make interop` runs."""
    config.addinivalue_line("markers", "interop: drives official Java or Go clients or tools (slow; needs a toolchain)")
    config.addinivalue_line("markers", "interop_python: drives the official C++ client of PyPI's rocketmq wheel")
