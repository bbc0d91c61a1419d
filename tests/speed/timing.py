"""Times of whole processes, by hyperfine, and their peak memory."""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Result(TypedDict):
    """What hyperfine reports of a command, in seconds, as far as it is used here."""

    times: list[float]
    user: float
    system: float


class Timed(NamedTuple):
    """One command line: all its wall times and the processor time of a run, in seconds, and how each compares."""

    times: list[float]
    processor: float
    ratio: float
    processor_ratio: float

    @property
    def median(self) -> float:
        """The middle one of the wall times, in seconds."""
        return statistics.median(self.times)


def measure(
    commands: Sequence[Sequence[str]],
    environ: Mapping[str, str],
    *,
    rounds: int,
    runs: int,
    prepare: Sequence[str] | None = None,
) -> list[Timed]:
    """Time each command `rounds` times `runs`, in turns, so that a busy moment of the machine falls on all of them.

    A command's ratio is to the first one: the middle of the rounds' ratios of medians.
    """
    found: list[list[Result]] = [[] for _ in commands]
    with tempfile.TemporaryDirectory() as folder:
        report = f"{folder}/report.json"
        line = ["hyperfine", "--shell=none", "--style=none", "--warmup=2", f"--runs={runs}"]
        line += [f"--export-json={report}"]
        if prepare:
            line += ["--prepare", shlex.join(prepare)]
        for _ in range(rounds):
            done = subprocess.run(
                [*line, *(shlex.join(command) for command in commands)],
                check=False,
                capture_output=True,
                text=True,
                env=dict(environ),
            )
            if done.returncode:
                sys.exit("hyperfine: " + done.stderr.strip().rpartition("\n")[2])
            with open(report, encoding="utf-8") as file:
                for results, result in zip(found, json.load(file)["results"], strict=True):
                    results.append(result)
    spent = [[result["user"] + result["system"] for result in results] for results in found]
    medians = [[statistics.median(result["times"]) for result in results] for results in found]
    return [
        Timed(
            [time for result in results for time in result["times"]],
            statistics.median(processor),
            statistics.median(mine / first for mine, first in zip(middle, medians[0], strict=True)),
            statistics.median(
                mine / first for mine, first in zip(processor, spent[0], strict=True)
            ),
        )
        for results, middle, processor in zip(found, medians, spent, strict=True)
    ]


def peak_kib(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Return the peak memory of a program that writes something at its end, in KiB (Linux).

    Its output is a full pipe: it stands still in its last write while its own memory is read. What wait4 tells counts
    the process that started it too.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b" " * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(writer, True)
    with subprocess.Popen(command, stdout=writer, env=dict(environ)) as process:
        os.close(writer)
        while _waits_in(process.pid) != "pipe_write" and process.poll() is None:
            os.sched_yield()
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            peak = next(line.split()[1] for line in file if line.startswith("VmHWM:"))
        while os.read(reader, 1 << 16):
            pass
    os.close(reader)
    return int(peak)


def _waits_in(process: int) -> str:
    with open(f"/proc/{process}/wchan", encoding="ascii") as file:
        return file.read().replace("anon_", "")
