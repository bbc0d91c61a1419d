"""Stands in for this verb until it is there."""

from awsassume.errors import UsageFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.program import Program
    from awsassume.request import Request


def run(program: "Program", request: "Request") -> int:  # noqa: ARG001  # the form of every verb
    """Say that there is nothing yet. Raises UsageFailure."""
    raise UsageFailure(f"--{request.mode} is not there yet")
