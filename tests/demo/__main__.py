"""Show the article come true: `python -m tests.demo [--shell SHELL] [--interactive]`.

Exits with 1 where an answer isn't what the article says.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys

from .article import Statement, statements
from .transcript import SHELLS, transcript
from .world import REGION, ROLE_ARN, USER_ARN, World, world

_BOLD, _DIM, _PLAIN = ("\033[1m", "\033[2m", "\033[m") if sys.stdout.isatty() else ("", "", "")

_WELCOME = f"""
You are Bob, in {{shell}}, in an AWS account of this machine's own. The region is {{region}}.
  user       {USER_ARN}
  role       {ROLE_ARN}
Try:
  aws sts get-caller-identity
  eval "$(awsassume example-role)"
  aws rds describe-db-instances
  eval "$(awsassume --clear)"
  aws --profile example sts get-caller-identity
`exit` ends the account and takes you back.
"""


def _say(text: str = "") -> None:
    print(text, flush=True)


def _show(shell: str, there: World) -> int:
    """Make the article's check, telling each command and its answer; return the exit code."""
    checks = statements(there)
    failed: list[Statement] = []
    _say(f"{_DIM}# Bob may look at EC2 and assume example-role, which may look at RDS.{_PLAIN}")
    _say(f"{_DIM}# AWS is {there.endpoint_url}, the shell is {shell}.{_PLAIN}")
    commands = [check.command for check in checks]
    answers = transcript(shell, commands, there.environ, str(there.home))
    for check, answer in zip(checks, answers, strict=True):
        _say(f"\n{_BOLD}$ {check.command}{_PLAIN}")
        if answer.output.strip():
            _say(answer.output.strip("\n"))
        if check.holds(answer):
            _say(f"{_DIM}# true: {check.says}{_PLAIN}")
        else:
            failed.append(check)
            _say(f"# NOT TRUE: {check.says} (exit code {answer.code})")
    _say()
    if failed:
        _say(f"{len(failed)} of the article's {len(checks)} statements were not true.")
        return 1
    _say(f"All {len(checks)} of the article's statements were true.")
    return 0


def _play(shell: str, there: World) -> int:
    """Leave the person in an interactive shell in `there` until it ends."""
    _say(_WELCOME.format(shell=shell, region=REGION))
    # Ctrl-C is the shell's. A handler, because an ignored signal would be ignored there too.
    signal.signal(signal.SIGINT, lambda *_: None)
    environ = {**there.environ, "SHELL": shutil.which(shell) or shell}
    subprocess.run((*SHELLS[shell], "-i"), check=False, env=environ, cwd=there.home)
    return 0


def _forget() -> None:
    """Take from this process all that tells who the person is on the real AWS."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "AWSASSUME_"))]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["NO_PROXY"] = "*"


def main() -> int:
    """Run the demo; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--shell", choices=SHELLS, default="bash", help="the shell to run in")
    parser.add_argument("--interactive", action="store_true", help="leave me in that shell")
    chosen = parser.parse_args()
    if shutil.which(chosen.shell) is None:
        parser.error(f"{chosen.shell} is not installed")
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    _forget()
    with world() as there:
        return (_play if chosen.interactive else _show)(chosen.shell, there)


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = 130
    raise SystemExit(code)
