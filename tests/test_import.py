"""How the program imports its own modules: from compiled files that Python itself would take, and from no others."""

from __future__ import annotations

import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import awsassume

if TYPE_CHECKING:
    from collections.abc import Callable

TAG = sys.implementation.cache_tag


def plain() -> dict[str, str]:
    """Give the environment without what tells Python where compiled files go, and whether."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the package, so that a test may change its files."""
    place = tmp_path / "copy/awsassume"
    shutil.copytree(
        Path(awsassume.__path__[0]), place, ignore=shutil.ignore_patterns("__pycache__")
    )
    return place


def version(copy: Path, *before: str, **environ: str) -> str:
    """Run the copy with --version, and return what it says."""
    done = subprocess.run(
        [sys.executable, *before, str(copy / "__main__.py"), "--version"],
        env={**plain(), **environ}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def compiled(copy: Path, module: str = "program") -> Path:
    """Name a module's compiled file."""
    return copy / f"__pycache__/{module}.{TAG}.pyc"


def change(copy: Path) -> None:
    """Let another version be said, by a source that is longer."""
    source = copy / "program.py"
    text = source.read_text()
    assert 'f"awsassume {__version__}\\n"' in text
    source.write_text(text.replace('f"awsassume {__version__}\\n"', 'f"changed {__version__}\\n"'))


def loaders(copy: Path) -> dict[str, str]:
    """Run the copy, and return who loaded each module of it."""
    code = (
        f"import sys; sys.path.insert(0, {str(copy.parent)!r}); sys.argv = ['awsassume', '--version']\n"
        "import os, awsassume\n"
        "def end(code):\n"
        "    for name, module in sorted(sys.modules.items()):\n"
        "        if name.startswith('awsassume.'):\n"
        "            loader = module.__spec__.loader\n"
        "            print(name, getattr(loader, '__name__', type(loader).__name__), file=sys.stderr)\n"
        "    sys.stderr.flush(); exit(code)\n"
        "exit, os._exit = os._exit, end\n"
        "awsassume.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=plain()
    )
    return dict(line.split() for line in done.stderr.splitlines())


@pytest.mark.slow
def test_a_hit_is_loaded_from_compiled_files(copy: Path) -> None:
    """The first run compiles; from then on no module of a hit is searched for."""
    assert "SourceFileLoader" in loaders(copy).values()
    loaders(copy)
    assert set(loaders(copy).values()) == {"Compiled"}


@pytest.mark.slow
@pytest.mark.parametrize("before", [[], ["-I", "-S"], ["-O"]], ids=["plain", "shim", "optimized"])
def test_a_changed_source_is_what_runs(copy: Path, before: list[str]) -> None:
    """An edit, or another version put in its place, counts at once."""
    assert version(copy, *before).startswith("awsassume ")
    assert version(copy, *before).startswith("awsassume ")
    change(copy)
    assert version(copy, *before).startswith("changed ")


def _of_another_python(path: Path) -> None:
    path.write_bytes(b"\0\0\r\n" + path.read_bytes()[4:])


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:12])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _gone(path: Path) -> None:
    path.unlink()


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _by_hash(path: Path) -> None:
    py_compile.compile(
        str(path.parent.parent / "program.py"),
        invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
        doraise=True,
    )


def _of_another_time(path: Path) -> None:
    source = path.parent.parent / "program.py"
    os.utime(source, (1_000_000_000, 1_000_000_000))


@pytest.mark.slow
@pytest.mark.parametrize(
    "harm",
    [_of_another_python, _cut, _empty, _folder, _gone, _dangling, _by_hash, _of_another_time],
    ids=lambda harm: harm.__name__.strip("_"),
)
def test_a_compiled_file_that_python_would_not_take_is_not_taken(
    copy: Path, harm: Callable[[Path], None]
) -> None:
    """The source is read then, as Python does it."""
    version(copy)
    assert compiled(copy).is_file()
    change(copy)
    harm(compiled(copy))
    assert version(copy).startswith("changed ")


@pytest.mark.slow
def test_nothing_compiled_is_needed(copy: Path, tmp_path: Path) -> None:
    """Without a place for compiled files, and with another one than usual, the program runs."""
    assert version(copy, PYTHONDONTWRITEBYTECODE="1").startswith("awsassume ")
    assert not (copy / "__pycache__").exists()
    elsewhere = str(tmp_path / "elsewhere")
    for _ in range(2):
        assert version(copy, PYTHONPYCACHEPREFIX=elsewhere).startswith("awsassume ")
    assert not (copy / "__pycache__").exists()
    change(copy)
    assert version(copy, PYTHONPYCACHEPREFIX=elsewhere).startswith("changed ")


def test_nobody_else_gets_this_importer() -> None:
    """It is the program's alone: who imports the package has Python's own."""
    code = "import sys, awsassume.program; print(awsassume.Compiled in sys.meta_path)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=plain()
    )
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_the_package_can_be_run_by_its_name(copy: Path) -> None:
    """`python -m awsassume` starts it as well."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "awsassume", "--version"],
            cwd=copy.parent, capture_output=True, text=True, check=True, env=plain(),
        )  # fmt: skip
        assert done.stdout.startswith("awsassume ")
