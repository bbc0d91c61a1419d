"""Measure awsassume, and what a user would pick instead, on a loopback AWS: `make bench`.

Whole processes, by hyperfine, in turns. What is printed is Markdown; nothing is written into the tree. *Warm* is a call that
finds a session, *cold* one that must ask STS. A *shim* starts `python -I -S …/awsassume/__main__.py`, as the shells' functions
and the printed profile do; `awsassume` is the console script.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from awsassume import shells
from tests.speed.place import MANY, ROLE, Place, must, say, version_of
from tests.speed.timing import Timed, measure, peak_kib

if TYPE_CHECKING:
    from collections.abc import Sequence

FIFTY = 50
POLICY = '{"Version":"2012-10-17","Statement":[]}'
OPTIONS = (
    f"--session-name Bob --duration 1h --external-id example-id --region us-east-1 --policy {POLICY} "
    "--policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess --tag team=example --transitive-tag team "
    "--source-identity Bob --min-remaining 15m --show --quiet"
).split()
CONSOLE, SHIM = 1.2, 1.05


def show(text: str) -> None:
    """Write a line of the report."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Row(NamedTuple):
    """A line of the table: what was done, by what, and the most that its ratio may be (0: there is no such bound)."""

    what: str
    command: Sequence[str]
    most: float = 0


class Bench:
    """The measurements, one after the other, each a table on standard output."""

    def __init__(self, place: Place, rounds: int) -> None:
        self.place = place
        self.rounds = rounds
        ours = place.install_ours()
        self.python = str(ours / "python")
        self.console = [str(ours / "awsassume")]
        self.shim = [self.python, "-I", "-S", place.main]
        self.awsume = [str(place.install("awsume") / "awsumepy"), "-s", "example"]
        cli = str(place.install("awscli") / "aws")
        self.cli = [cli, "sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "Bob"]
        v2 = shutil.which("aws") or ""
        is_v2 = v2 and version_of((v2, "--version")).startswith("aws-cli/2")
        words = "configure export-credentials --profile example --format env"
        self.cli_v2 = [v2, *words.split()] if is_v2 else []
        self.missed = False

    def table(self, title: str, rows: Sequence[Row], timed: Sequence[Timed]) -> None:
        """Print one table; the first row is what the others are compared with."""
        lines = [
            f"\n**{title}**\n",
            "| what | median | ratio | at most | of processor time |",
            "|---|---:|---:|---:|---:|",
        ]
        for row, time in zip(rows, timed, strict=True):
            over = bool(row.most) and time.ratio > row.most
            self.missed |= over
            most = f"{row.most:.2f}{' (missed)' if over else ''}" if row.most else ""
            lines.append(
                f"| {row.what} | {time.median * 1000:.1f} ms | {time.ratio:.2f} | {most} | {time.processor_ratio:.2f} |"
            )
        show("\n".join(lines))

    def warm(
        self, title: str, rows: Sequence[Row], *, runs: int = 20, config: Path | None = None
    ) -> None:
        """Measure calls that find what they need remembered."""
        say(title)
        environ = dict(self.place.environ)
        if config:
            environ["AWS_CONFIG_FILE"] = str(config)
        rows = [Row("`python -c pass`, with `site`", [self.python, "-c", "pass"]), *rows]
        timed = measure([row.command for row in rows], environ, rounds=self.rounds, runs=runs)
        self.table(title, rows, timed)

    def first(self, title: str, rows: Sequence[Row], prepare: Sequence[str]) -> list[Timed]:
        """Measure calls that find nothing, one AssumeRole each."""
        say(title)
        bare = Row('the bare script, `boto3.client("sts").assume_role(…)`', self.bare)
        rows = [bare, *rows]
        commands = [row.command for row in rows]
        environ = self.place.environ
        timed = measure(commands, environ, rounds=self.rounds, runs=5, prepare=prepare)
        self.table(title, rows, timed)
        return timed

    @property
    def bare(self) -> list[str]:
        """The script that a user would write."""
        return [self.python, str(self.place.bare)]

    def hits(self) -> None:
        """Measure a fresh session: each form of the command, by the console script and as the shims start it."""
        rows = []
        for how, start, most in (
            ("`awsassume`", self.console, CONSOLE),
            ("shim:", self.shim, SHIM),
        ):
            rows += [
                Row(f"{how} `{words}`", [*start, *words.split()], most)
                for words in ("example", "example --credential-process", "--clear")
            ]
        rows += [
            Row(
                f"`awsassume` `example --format {name}`",
                [*self.console, "example", "--format", name],
                CONSOLE,
            )
            for name in shells.FORMATS
        ]
        every = [*self.console, "example", *OPTIONS]
        rows.append(Row("`awsassume` `example` and a dozen options", every, CONSOLE))
        self.warm("Warm: a fresh session", rows)
        if sys.platform.startswith("linux"):
            for how, start in (("awsassume", self.console), ("shim", self.shim)):
                peak = peak_kib([*start, "example"], self.place.environ)
                self.missed |= peak > 12 * 1024
                show(f"\nPeak memory of `{how}`: {peak / 1024:.1f} MiB (at most 12).")

    def asked(self) -> None:
        """Measure a fresh session whose source is a process, which is asked each time, beside what boto3 takes for it."""
        words = ["by-process", "--credential-process"]
        script = "import boto3; boto3.Session(profile_name='by-process').get_credentials().get_frozen_credentials()"
        rows = [
            Row("the process alone (`cat`)", ["cat", str(self.place.printed)]),
            Row("`awsassume`", [*self.console, *words], 4),
            Row("shim", [*self.shim, *words], 4),
            Row("boto3 (keeps no role's session: STS again)", [self.python, "-c", script]),
        ]
        self.warm("Warm: a fresh session whose source is a process", rows)

    def short(self, what: str, config: Path | None = None) -> None:
        """Measure the same in harder circumstances."""
        rows = [
            Row("`awsassume` `example`", [*self.console, "example"], CONSOLE),
            Row("shim: `example`", [*self.shim, "example"], SHIM),
            Row("`awsassume` `--clear`", [*self.console, "--clear"], CONSOLE),
            Row("shim: a Tab on `exa`", [*self.shim, "--complete", "bash", "--", "exa"], 2),
            Row(
                "`awsassume`: a Tab on `exa`", [*self.console, "--complete", "bash", "--", "exa"], 2
            ),
        ]
        self.warm(f"Warm: {what}", rows, config=config)

    def first_calls(self) -> None:
        """Measure with no session and nothing remembered: ours, then what a user would pick instead."""
        rows = [
            Row("`awsassume` `example`", [*self.console, "example"], 1),
            Row("shim: `example`", [*self.shim, "example"], 1),
            Row("`awsumepy -s example` (keeps no role's session)", self.awsume),
            Row("AWS CLI v1, `aws sts assume-role` (keeps none)", self.cli),
        ]
        if self.cli_v2:
            rows.append(Row("AWS CLI v2, `aws configure export-credentials`", self.cli_v2))
        places = (self.place.cache, self.place.home / ".aws/cli", self.place.home / ".awsume/cache")
        self.first("Cold: a first call, one AssumeRole", rows, ["rm", "-rf", *map(str, places)])

    def many_profiles(self) -> None:
        """Measure what ten thousand profiles add to a first call, beside what botocore takes to read them once."""
        say("cold, many profiles")
        many = str(self.place.many_profiles)
        script = "import botocore.configloader as c, sys; c.load_config(sys.argv[1])"
        small = str(self.place.home / ".aws/config")
        read = [[self.python, "-c", script, path] for path in (small, many)]
        prepare = ["rm", "-rf", str(self.place.cache)]
        ours = [
            ["env", f"AWS_CONFIG_FILE={path}", *self.console, "example"] for path in (small, many)
        ]
        timed = measure(
            [*read, *ours], self.place.environ, rounds=self.rounds, runs=5, prepare=prepare
        )
        reads = timed[1].median - timed[0].median
        adds = timed[3].median - timed[2].median
        self.missed |= adds > reads
        show(
            f"\n**Cold: {MANY:,} profiles in the config** add {adds * 1000:.0f} ms to a first call;"
            f" botocore takes {reads * 1000:.0f} ms to read that file once: {adds / reads:.2f} (at most 1.00)."
        )

    def fifty(self) -> None:
        """Measure fifty at once, cold."""
        say("fifty at once")
        start = f"for n in $(seq {FIFTY}); do '{self.console[0]}' example >/dev/null & done; wait"
        cold, warm = [*self.console, "example"], [self.python, "-c", "pass"]
        prepare = ["rm", "-rf", str(self.place.cache)]
        environ = self.place.environ
        single = measure([cold], environ, rounds=self.rounds, runs=5, prepare=prepare)[0]
        hit = measure([warm, cold], environ, rounds=self.rounds, runs=20)[1]
        self.place.calls()
        together = measure(
            [["sh", "-c", start]], environ, rounds=self.rounds, runs=5, prepare=prepare
        )[0]
        # hyperfine warms up twice a round, which is as cold as the rest.
        runs = self.rounds * (5 + 2)
        calls = self.place.calls() / runs
        allowed = FIFTY * hit.processor + single.processor
        ratio = together.median / allowed
        self.missed |= ratio > 2 or calls != 1
        show(
            f"\n**Cold: {FIFTY} at once** made {calls:.2f} AssumeRole calls a run and took {together.median * 1000:.0f} ms;"
            f" {FIFTY} warm starts and a cold one take {allowed * 1000:.0f} ms of processor time: {ratio:.2f} (at most 2.00)."
        )

    def others(self) -> None:
        """Measure what a user would pick instead, once it has been run."""
        rows = [
            Row("`awsassume` `example`", [*self.console, "example"]),
            Row("`awsumepy -s example` (keeps no role's session: STS again)", self.awsume),
            Row("AWS CLI v1, `aws sts assume-role` (keeps none: STS again)", self.cli),
        ]
        if self.cli_v2:
            rows.append(Row("AWS CLI v2, `aws configure export-credentials`", self.cli_v2))
        self.warm("Warm: what a user would pick instead, the second time", rows, runs=5)

    def run(self) -> bool:
        """Measure all; tell whether every bound was kept."""
        show(
            f"{machine(self.python)}; {self.rounds * 20} runs of a warm call, {self.rounds * 5} of a cold one."
        )
        say("one call by each program, to see that it works")
        for command in (self.bare, [*self.console, "example"], self.awsume, self.cli):
            must(
                "env",
                "-i",
                *(f"{name}={value}" for name, value in self.place.environ.items()),
                *command,
            )
        self.hits()
        self.asked()
        self.short(f"{MANY:,} profiles in the config", self.place.many_profiles)
        self.others()
        self.first_calls()
        self.many_profiles()
        self.fifty()
        self.place.forget()
        self.place.fill_cache()
        self.short(f"{MANY:,} sessions in the cache")
        rows = [Row("`awsassume` `example`", [*self.console, "example"], 1)]
        title = f"Cold: {MANY:,} sessions of other roles in the cache"
        self.first(title, rows, self.place.forgetting())
        return not self.missed


def machine(python: str) -> str:
    """Say what was measured on."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next(line.partition(": ")[2].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} CPUs, {model}, {platform.system()} {platform.release()}, {version_of((python, '-V'))}"


def main() -> None:
    """Print the tables; exit 1 when a bound was missed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured in turn")
    options = parser.parse_args()
    if not shutil.which("hyperfine"):
        sys.exit("make bench needs hyperfine: https://github.com/sharkdp/hyperfine")
    with tempfile.TemporaryDirectory(prefix="awsassume-bench-") as folder:
        place = Place(Path(folder))
        try:
            kept = Bench(place, options.rounds).run()
        finally:
            place.stop()
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
