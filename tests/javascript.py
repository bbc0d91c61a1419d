"""AWS's SDK for JavaScript, version 3: fetched once beside the virtual environment, and asked for credentials."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import pytest

from tests.conftest import REAL_ENVIRON, need

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES = ("@aws-sdk/credential-providers@3", "@aws-sdk/client-sts@3")
PLACE = Path(__file__).parent.parent / ".venv-javascript"


def node_modules() -> Path:
    """Return the folder with the SDK's packages. Where npm can't bring them: skips at home, fails under CI."""
    need("node")
    npm = need("npm")
    PLACE.mkdir(exist_ok=True)
    done = PLACE / ".installed"
    with filelock.FileLock(PLACE / ".lock"):
        if not done.exists():
            words = [npm, "install", "--prefix", str(PLACE), "--no-fund", "--no-audit"]
            words += ["--loglevel=error", *PACKAGES]
            said = subprocess.run(
                words, env=REAL_ENVIRON, capture_output=True, text=True, check=False, timeout=280
            )
            if said.returncode:
                why = f"npm could not bring {PACKAGES[0]}: {said.stderr[-300:]}"
                if os.environ.get("CI"):
                    pytest.fail(why, pytrace=False)
                pytest.skip(why)
            done.touch()
    return PLACE / "node_modules"


def run_javascript(code: str, environ: Mapping[str, str]) -> Any:  # noqa: ANN401  # whatever the code prints
    """Run code as an ES module that finds the SDK, and read the JSON that it prints."""
    place = node_modules().parent
    said = subprocess.run(
        [need("node"), "--input-type=module", "--eval", code],
        cwd=place,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)
