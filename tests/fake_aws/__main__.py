"""Run the fake AWS as a process: `python -m tests.fake_aws --port 0 --state FILE.json`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from .aws import FakeAws
from .control import load


def main() -> None:
    """Print the URL on a line of its own, then answer until a signal or an interrupt comes."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port; a free one by default")
    parser.add_argument(
        "--state", type=Path, help="a JSON file of what this AWS holds (see control.State)"
    )
    options = parser.parse_args()
    stopping = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(
        signal.SIG_BLOCK, stopping
    )  # Threads started later inherit it, so only sigwait sees them.
    with FakeAws(port=options.port) as aws:
        if options.state:
            load(aws, json.loads(options.state.read_text(encoding="utf-8")))
        sys.stdout.write(f"{aws.url}\n")
        sys.stdout.flush()
        signal.sigwait(stopping)


if __name__ == "__main__":
    main()
