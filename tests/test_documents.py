"""The help, the README and the man page say the same."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from awsassume import errors, manual
from tests import documents
from tests.conftest import need

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

OPTIONS = documents.options()


def plain(text: str) -> str:
    """Return a text without its line breaks, its indents and the hyphens that broke its words."""
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", text)
    return " ".join(text.replace("\N{HYPHEN}", "-").replace("\N{MINUS SIGN}", "-").split())


def rendered() -> str:
    """Return the man page as a person reads it."""
    done = subprocess.run(
        [need("groff"), "-ww", "-man", "-Tutf8", "-rLL=400n", "-rHY=0", documents.MAN],
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_the_man_page_is_the_commands() -> None:
    """`make options` would change nothing of the man page."""
    assert documents.MAN.read_text() == documents.man()


def test_the_readmes_tables_are_the_commands() -> None:
    """`make options` would change nothing of the README."""
    text = documents.README.read_text()
    assert documents.readme(text) == text


def test_help_readme_and_man_page_say_the_same(run: Callable[..., Result]) -> None:
    """Every option has the same names and the same text in all three, under the same heading."""
    help_ = plain(run("--help", environ={"COLUMNS": "80"}).stdout)
    page, readme = plain(rendered()), plain(documents.README.read_text())
    assert len(OPTIONS) > 30
    for group, names, says in OPTIONS:
        for text in (help_, page, readme):
            assert plain(f"{names} {says}") in text.replace("`", "").replace(" | ", " ").replace(
                "\\|", "|"
            )
            assert group in text


def test_nothing_is_said_of_options_that_are_none(run: Callable[..., Result]) -> None:
    """Each long option that the README or the man page writes in a line of awsassume's is one of the help's."""
    known = set(re.findall(r"--[a-z-]+", run("--help").stdout))
    lines = (
        documents.README.read_text().splitlines() + documents.man().replace("\\-", "-").splitlines()
    )
    for line in lines:
        for call in re.findall(r"\bawsassume ([^`|)#]*)", line):
            options = re.findall(r"(?<!\S)--[a-z][a-z-]*", call.split(" -- ")[0])
            assert known.issuperset(options), line


def test_the_exit_codes_are_those_of_the_failures() -> None:
    """The table knows each failure's code, and the help names the same."""
    codes = {code for code, _ in documents.EXIT_CODES}
    assert {str(code) for code in errors.BY_EXIT_CODE} <= codes
    for code in codes - {"1"}:
        assert re.search(rf"\b{code}\b", manual.EPILOG)


# Between our own processes, and no user's business.
WITHIN = {
    "AWSASSUME_CALLERS",
    "AWSASSUME_HELD",
    "AWSASSUME_HELD_NAME",
    "AWSASSUME_PREFIXED",
    "AWSASSUME_SERVED",
    "AWSASSUME_SHELL",
    "AWSASSUME_SHIM_FD",
    "AWSASSUME_SUBSHELL",
}


def test_every_variable_of_ours_is_told() -> None:
    """What the code or a shim reads or writes stands in the README and the man page, and nothing else does."""
    sources = [
        path
        for path in (*documents.TOP.glob("awsassume/*.py"), *documents.TOP.glob("shell/*"))
        if path != documents.MAN
    ]
    used = set(
        re.findall(r"\bAWSASSUME_[A-Z_]*[A-Z]", "\n".join(path.read_text() for path in sources))
    )
    for text in (documents.README.read_text(), documents.man()):
        told = set(re.findall(r"\bAWSASSUME_[A-Z_]*[A-Z]", text))
        assert used - WITHIN <= told <= used
