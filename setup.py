"""Compiles the hot modules where Cython and a C compiler are at hand; everywhere else they run as plain Python.

POCKETMQ_COMPILE=0 skips the compiler, POCKETMQ_COMPILE=1 makes its failure fatal.
"""

import os

from setuptools import Extension, setup

COMPILED = {
    name: f"src/{name.replace('.', '/')}.py"
    for name in (
        "pocketmq.protocol.frame.command",
        "pocketmq.protocol.frame.send_header",
        "pocketmq.protocol.frame.send_reply",
        "pocketmq.protocol.record.facts",
        "pocketmq.protocol.record.laying",
        "pocketmq.store.commit_log.log",
        "pocketmq.store.commit_log.cutting",
        "pocketmq.store.commit_log.batches",
        "pocketmq.store.consume_queue",
        "pocketmq.store.active_index",
    )
}


def extensions() -> list[Extension]:
    choice = os.environ.get("POCKETMQ_COMPILE", "")
    if choice == "0":
        return []
    try:
        from Cython.Build import cythonize
    except ModuleNotFoundError:
        if choice == "1":
            raise
        return []
    optional = choice != "1"
    modules = [Extension(name, [path], extra_compile_args=["-O3"]) for name, path in COMPILED.items()]
    built: list[Extension] = cythonize(
        modules,
        language_level=3,
        build_dir="build/cython",
        # Only pointers go unchecked: everything else means the same compiled and uncompiled.
        compiler_directives={"annotation_typing": True, "binding": False},
    )
    for module in built:
        module.optional = optional  # cythonize makes new extensions and forgets this.
    return built


setup(ext_modules=extensions())
