"""The AWS files of a test's home, and an environment that became a role."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.model import Keys


def write(home: Path, config: str = "", credentials: str = "") -> None:
    """Write the config and the credentials file."""
    (home / ".aws/config").write_text(config)
    (home / ".aws/credentials").write_text(credentials)


def lines_of(keys: Keys) -> str:
    """Give a profile's lines for a user's keys."""
    return (
        f"aws_access_key_id = {keys.access_key_id}\n"
        f"aws_secret_access_key = {keys.secret_access_key}\n"
    )


def on_path(program: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment with the program under test found by its name."""
    return {**environ, "PATH": f"{os.path.dirname(program)}:{os.environ['PATH']}"}


def assumed(
    run: Callable[..., Result], program: str, *words: str, environ: Mapping[str, str]
) -> dict[str, str]:
    """Give the environment of a shell that became a role."""
    code = f'eval "$(awsassume {" ".join(words)})" && exec env -0'
    said = run("-c", code, argv=("bash",), environ=on_path(program, environ)).stdout
    return dict(item.split("=", 1) for item in said.split("\0") if "=" in item)
