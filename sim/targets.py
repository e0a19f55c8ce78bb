"""How the code of a circuit is run: by NumPy, or compiled through Cython where a compiler works."""

from __future__ import annotations

import os
import shlex
import shutil
import sysconfig
from typing import Literal

import brian2
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject

Target = Literal["auto", "numpy", "cython"]
CODE: dict[str, type] = {"numpy": NumpyCodeObject, "cython": CythonCodeObject}

NO_COMPILER = (
    "no C++ compiler works here, so circuits run on the NumPy target, several times slower; "
    "install a compiler such as g++ for the Cython target"
)


def runnable(target: Target) -> Literal["numpy", "cython"]:
    """The target itself, or what ``auto`` stands for on this machine.

    Raises
    ------
    ValueError
        There is no such target.
    OSError
        Cython is asked for, but no compiler works.
    """
    if target not in ("auto", "numpy", "cython"):
        raise ValueError(f'found target "{target}"; expected auto, numpy or cython')
    if target == "numpy":
        return "numpy"
    # Brian2 tries its compiler with a program that it may find compiled in its cache, so auto looks for one as well;
    # who asks for Cython may have all of it in the cache.
    if CythonCodeObject.is_available() and (target == "cython" or _compiler_is_there()):
        return "cython"
    if target == "cython":
        raise OSError("the target cython needs a C++ compiler, and none works here; install one, or use numpy")
    return "numpy"


def _compiler_is_there() -> bool:
    if os.name == "nt":  # where it is found by other means than its name
        return True
    command = shlex.split(os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++")
    return bool(command) and shutil.which(command[0]) is not None


class generated_for:
    """What is generated inside the block is generated for another target."""

    def __init__(self, target: str) -> None:
        self._target = target

    def __enter__(self) -> None:
        self._before = brian2.prefs["codegen.target"]
        brian2.prefs["codegen.target"] = self._target

    def __exit__(self, *_: object) -> None:
        brian2.prefs["codegen.target"] = self._before
