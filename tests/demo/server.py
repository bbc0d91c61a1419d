"""moto's server on a free loopback port, for as long as somebody holds the other end of stdin."""

from __future__ import annotations

import os
import sys
import threading

from moto.server import main


def _end_with_stdin() -> None:
    """End this process when whoever started it is gone, however that came to be."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    main(["--host", "127.0.0.1", "--port", "0"])
