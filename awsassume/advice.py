"""The next step after a refusal, where only the plan knows it."""

from typing import TYPE_CHECKING

from awsassume import spelling, words
from awsassume.config import did_you_mean
from awsassume.errors import Failure, RefusedFailure
from awsassume.plan import Plan

if TYPE_CHECKING:
    from awsassume.assume import Assumer


def added(failure: RefusedFailure, made: Plan, assumer: "Assumer") -> RefusedFailure:
    """Give the failure with its next step, if it has none yet."""
    if failure.hint is None and made.hops:
        if failure.code in {"AccessDenied", "AccessDeniedException"}:
            guess = assumer.guessed
            close = _perhaps_a_guess(guess, failure, assumer) if guess else None
            explain = f"run: {spelling.command(['awsassume', '--explain', *words.renewal(assumer.request)])}"
            failure.hint = close or explain
        elif "MaxSessionDuration" in failure.message:
            failure.hint = _longest(made, assumer)
    if made.target.key:
        assumer.cache.leave_word(made.target.key, failure)
    return failure


def _perhaps_a_guess(name: str, failure: Failure, assumer: "Assumer") -> str | None:
    failure.message += f'; "{name}" is no profile, and ListRoles is denied, so whether there is such a role is not known'
    return did_you_mean(name, assumer.config.names)


def _longest(made: Plan, assumer: "Assumer") -> str:
    """Say how long the role may last, where it may be read, and how to raise it."""
    # A role on the way was refused where the one asked for was given no duration.
    index = next((i for i, hop in enumerate(made.hops) if hop.step.duration), 0)
    hop = made.hops[index]
    name = hop.step.role_arn.rpartition("/")[2]
    where = hop.step.duration.where if hop.step.duration else "--duration"
    raise_it = ["aws", "iam", "update-role", "--role-name", name]
    raise_it += ["--max-session-duration", str(hop.step.seconds)]
    raising = f"to raise it: {spelling.command(raise_it)}"
    try:
        aws = assumer.aws(hop, assumer.behind(made, index).credentials)
        most = aws.call("iam", "get_role", RoleName=name)["Role"]["MaxSessionDuration"]
    except (Failure, KeyError):
        return f"give a shorter {where}; {raising}"
    return f"its longest is {most} s: give {where} {most}; {raising}"
