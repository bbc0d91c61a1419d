"""Starts the program: ``python -m awsassume``, or this file by its path under ``python -I -S``."""

# Python compiles this file at each start by its path; what it does is therefore elsewhere.
import sys

if not __package__:
    sys.path.insert(0, __file__[: -len("/awsassume/__main__.py")])

from awsassume import main

if __name__ == "__main__":
    sys.exit(main())
