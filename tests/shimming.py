"""A person's place for the tests of the shims: a fake AWS, a home, and a shell that has the shim."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import need
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fake_aws.aws import FakeAws

SHELLS = ("bash", "zsh", "fish")

# What a user, or a user's framework, may have done to a shell before our file is read: aliases of
# builtins, options that change how code is read, IFS. ALIASED on any stream is a failure.
STRICT = {
    "bash": """\
set -euo pipefail
shopt -s failglob expand_aliases extglob
IFS='/:-0123456789
 '
for name in awsassume builtin command compgen complete declare echo eval export local printf read \\
    return set shift shopt true unalias unset; do
    [ "$name" = unalias ] || alias "$name"='\\echo ALIASED'
done
alias unalias='\\echo ALIASED'
""",
    "zsh": """\
setopt no_unset pipe_fail ksh_arrays sh_word_split glob_subst rc_quotes extended_glob no_clobber
setopt warn_create_global warn_nested_var prompt_subst interactive_comments auto_cd null_glob
setopt no_multios csh_junkie_loops bash_rematch err_exit
IFS='/:-0123456789
 '
for name in awsassume builtin command compdef emulate eval export local print read return set setopt \\
    shift trap true typeset unset unsetopt; do
    [[ $name == unalias ]] || alias "$name"='\\print ALIASED'
done
alias -g -- '--init'='ALIASED'
alias unalias='\\print ALIASED'
""",
    "fish": """\
for name in commandline complete contains echo math path printf true export
    function $name
        builtin echo ALIASED
    end
end
""",
}

COMMANDS = {
    "bash": ("bash", "--norc", "--noprofile"),
    "zsh": ("zsh", "-f"),
    "fish": ("fish", "--no-config"),
}

DUMP = """\
import os, sys
with open(sys.argv[1], "wb") as file:
    for name, value in sorted(os.environb.items()):
        if name not in (b"_", b"SHLVL", b"OLDPWD", b"PWD", b"COLUMNS", b"LINES"):
            file.write(name + b"=" + value + b"\\0")
"""

# Waits until the session that the environment holds has ended.
WAIT = """\
import os, time
# A tick more: a shell's clock may lag by one behind Python's.
while time.time() < int(os.environ["AWSASSUME_EXPIRATION"]) + 0.02:
    time.sleep(0.05)
"""


@dataclass
class Place:
    """A home with a config of two roles and a user's keys, and an AWS that knows them."""

    aws: FakeAws
    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, aws: FakeAws, home: Path) -> Place:
        """Fill the AWS and the home."""
        bob = aws.add_user("Bob", allow=["sts:AssumeRole"])
        aws.add_role("example-role", trust=bob)
        aws.add_role("other-role", trust=bob)
        (home / ".aws").mkdir(parents=True)
        (home / ".aws/config").write_text(
            "[default]\nregion = eu-west-1\n"
            f"[profile example]\nrole_arn = {aws.arn('iam', aws.account, 'role/example-role')}\n"
            "source_profile = default\n"
            f'[profile "two words"]\nrole_arn = {aws.arn("iam", aws.account, "role/other-role")}\n'
            "source_profile = default\n"
        )
        keys = aws.environ(bob)
        (home / ".aws/credentials").write_text(
            f"[default]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n"
        )
        (home / "dump.py").write_text(DUMP)
        (home / "wait.py").write_text(WAIT)
        environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "USER": "bob",
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "AWSASSUME_CACHE_DIR": str(home / "cache"),
            "AWS_ENDPOINT_URL": keys["AWS_ENDPOINT_URL"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
        }
        # Coverage of the processes that a shell starts.
        environ |= {name: text for name, text in os.environ.items() if name.startswith("COVERAGE_")}
        return cls(aws, home, environ)

    def shim(self, shell: str) -> Path:
        """Write what `awsassume --init SHELL` prints to a file, and return its path."""
        place = self.home / f"shim.{shell}"
        if not place.exists():
            done = subprocess.run(
                ("awsassume", "--init", shell),
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                check=True,
            )
            place.write_bytes(done.stdout)
        return place

    def sourcing(self, shell: str) -> str:
        """Return the line that reads the shim."""
        return f"{'' if shell == 'fish' else chr(92)}builtin source '{self.shim(shell)}'"

    def run(
        self,
        shell: str,
        script: str,
        *,
        strict: bool = False,
        shim: bool = True,
        interactive: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script in a shell that has the shim; `$DUMP FILE` in it writes the environment down."""
        need(shell)
        lines = [STRICT[shell] if strict else "", self.sourcing(shell) if shim else "", script]
        return subprocess.run(
            (
                *COMMANDS[shell],
                *(["-i"] if interactive else []),
                "-c",
                "\n".join(lines),
            ),
            env={
                **self.environ,
                "PYTHON": sys.executable,
                "DUMP": str(self.home / "dump.py"),
                **(environ or {}),
            },
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BOUND,
            check=False,
        )

    def dumped(self, name: str) -> dict[str, str]:
        """Read what a script dumped."""
        texts = (self.home / name).read_bytes().split(b"\0")[:-1]
        pairs = (os.fsdecode(text).partition("=") for text in texts)
        return {name: value for name, _, value in pairs}


def dump(name: str) -> str:
    """Return the line that writes the environment down, the same in every shell."""
    return f'"$PYTHON" -I -S "$DUMP" {name}'
