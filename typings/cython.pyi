"""What mypy must know of Cython's pure-Python mode; pointers have no type of their own in Python."""

import builtins
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

_T = TypeVar("_T")

compiled: bool

def cclass(thing: _T) -> _T: ...
def cfunc(thing: _T) -> _T: ...
def ccall(thing: _T) -> _T: ...
def inline(thing: _T) -> _T: ...
def final(thing: _T) -> _T: ...
def locals(**types: Any) -> Callable[[_T], _T]: ...
def cdivision(on: bool) -> Callable[[_T], _T]: ...
def exceptval(*values: Any, **options: Any) -> Callable[[_T], _T]: ...
def declare(kind: Any = ..., value: Any = ..., **options: Any) -> Any: ...
def cast(kind: Any, value: Any, **options: Any) -> Any: ...
def address(thing: Any) -> Any: ...

char = builtins.int
uchar = builtins.int
short = builtins.int
ushort = builtins.int
int = builtins.int
uint = builtins.int
long = builtins.int
ulong = builtins.int
longlong = builtins.int
ulonglong = builtins.int
Py_ssize_t = builtins.int
bint = builtins.bool
double = builtins.float
void: TypeAlias = None
p_char: TypeAlias = Any
p_uchar: TypeAlias = Any
p_const_uchar: TypeAlias = Any
p_const_char: TypeAlias = Any
