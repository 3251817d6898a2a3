"""Stands in for the `cython` module where Cython is not installed, so that the ⚡ files run as plain Python."""

from collections.abc import Callable
from typing import Any, TypeVar

compiled = False

_T = TypeVar("_T")


def _unchanged(thing: _T) -> _T:
    return thing


cclass = cfunc = ccall = inline = final = nogil = _unchanged


def _decorator(*_args: Any, **_kwargs: Any) -> Callable[[_T], _T]:
    return _unchanged


locals = returns = exceptval = boundscheck = wraparound = freelist = cdivision = _decorator


def declare(_type: Any = None, value: Any = None, **_options: Any) -> Any:
    """A declared variable is just its value."""
    return value


def cast(_type: Any, value: Any, **_options: Any) -> Any:
    """A cast value is just itself."""
    return value


char = uchar = short = ushort = int = uint = long = ulong = longlong = ulonglong = Py_ssize_t = bint = object
double = p_char = p_uchar = p_const_uchar = p_const_char = void = object
