"""Tests here may be coroutines."""

from coroutine_tests import loop_complaints_fail, pytest_pyfunc_call

__all__ = ["loop_complaints_fail", "pytest_pyfunc_call"]
