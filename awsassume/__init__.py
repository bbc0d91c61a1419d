"""Take the credentials of an AWS IAM role into a shell, a command or an SDK, and give them back."""

# All of these are built in, and loaded before any module of ours.
import _frozen_importlib_external
import gc
import marshal
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

__version__ = "0.1.0"


class Compiled:
    """Finds and loads the modules of this package by their compiled files, without the search that Python makes for each.

    Python's own finder lists folders and tries every kind of module that there is. The rule here is the same: a compiled
    file counts where it bears the time and size of its source
    (https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation). All else is left to Python.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> "ModuleSpec | None":
        """Find ``awsassume.X``; ``None`` where Python itself must look."""
        module = name.removeprefix("awsassume.")
        # Who runs __main__ wants more of a loader than this.
        if "." in module or module in {name, "__main__"}:
            return None
        source = f"{__path__[0]}/{module}.py"
        compiled = f"{__path__[0]}/__pycache__/{module}.{sys.implementation.cache_tag}.pyc"
        try:
            status = posix.stat(source)
            descriptor = posix.open(compiled, posix.O_RDONLY | posix.O_CLOEXEC)
            try:
                data = posix.read(descriptor, _MOST_BYTES)
            finally:
                posix.close(descriptor)
        except OSError:
            return None
        stamp = status.st_size << 32 | int(status.st_mtime) & 0xFFFFFFFF
        if len(data) == _MOST_BYTES or data[:16] != _HEAD + stamp.to_bytes(8, "little"):
            return None
        loader: Any = Compiled
        spec = type(__spec__)(name, loader, origin=source, loader_state=data)
        spec.cached = compiled
        spec.has_location = True
        return spec

    @staticmethod
    def create_module(spec: "ModuleSpec") -> None:
        """Leave it to Python."""

    @staticmethod
    def exec_module(module: "ModuleType") -> None:
        """Run the module."""
        spec: Any = module.__spec__
        data, spec.loader_state = spec.loader_state, None
        exec(marshal.loads(memoryview(data)[16:]), module.__dict__)  # noqa: S102, S302  # as Python does with it


def main() -> int:
    """Run the command line of this process, which is the program's, and end it with its exit code."""
    # A short run makes little to collect, and what it keeps would be looked through again and again.
    gc.disable()
    if not (sys.flags.optimize or sys.pycache_prefix):
        sys.meta_path.insert(0, Compiled)
    from awsassume import program

    return program.main()


_HEAD = _frozen_importlib_external.MAGIC_NUMBER + bytes(4)
# More than any compiled file of ours.
_MOST_BYTES = 1 << 16
