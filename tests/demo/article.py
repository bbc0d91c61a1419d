"""What the article says that one sees, as commands and as statements about their answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .world import ACCOUNT, DATABASE, USER_ARN

if TYPE_CHECKING:
    from collections.abc import Callable

    from .transcript import Answer
    from .world import World

WHO = "aws sts get-caller-identity"
EC2 = (
    "aws ec2 describe-instances"
    ' --query "Reservations[*].Instances[*].[VpcId, InstanceId, ImageId, InstanceType]"'
)
RDS = (
    "aws rds describe-db-instances --query"
    ' "DBInstances[*].[DBInstanceIdentifier, DBName, DBInstanceStatus, AvailabilityZone,'
    ' DBInstanceClass]"'
)
ASSUMED = f"arn:aws:sts::{ACCOUNT}:assumed-role/example-role/"

_WITH_BOTO3 = (
    "AWS_PROFILE=example python -c 'import boto3;"
    ' print(boto3.client("sts").get_caller_identity()["Arn"])\''
)


@dataclass(frozen=True)
class Statement:
    """A command, and what the article says that its answer is."""

    command: str
    says: str
    holds: Callable[[Answer], bool]


def caller(answer: Answer) -> str:
    """Return the ARN in the AWS CLI's answer to get-caller-identity; empty where it has none."""
    if answer.code != 0:
        return ""
    try:
        return str(json.loads(answer.output)["Arn"])
    except (ValueError, KeyError):
        return ""


def denied(answer: Answer) -> bool:
    """Whether AWS refused: EC2 has a code of its own for what others call AccessDenied."""
    return answer.code != 0 and (
        "(AccessDenied)" in answer.output or "(UnauthorizedOperation)" in answer.output
    )


def silent(answer: Answer) -> bool:
    """Whether a command did its work without a word."""
    return answer.code == 0 and not answer.output


def statements(world: World) -> list[Statement]:
    """Return the article's check of `world`, from Bob to the role and back, and a step beyond."""

    def shows(what: str) -> Callable[[Answer], bool]:
        return lambda answer: answer.code == 0 and what in answer.output

    def is_bob(answer: Answer) -> bool:
        return caller(answer) == USER_ARN

    def is_role(answer: Answer) -> bool:
        return caller(answer).startswith(ASSUMED)

    return [
        Statement(WHO, "AWS CLI commands are invoked as Bob", is_bob),
        Statement(EC2, "Bob sees the EC2 instances", shows(world.instance_id)),
        Statement(RDS, "Bob is denied the RDS DB instances", denied),
        Statement('eval "$(awsassume example-role)"', "the shell takes the role", silent),
        Statement(WHO, "AWS CLI commands are invoked as example-role", is_role),
        Statement(EC2, "example-role is denied the EC2 instances", denied),
        Statement(RDS, "example-role sees the RDS DB instances", shows(DATABASE)),
        Statement('eval "$(awsassume --clear)"', "the shell gives the role back", silent),
        Statement(WHO, "AWS CLI commands are invoked as Bob again", is_bob),
        Statement(
            _WITH_BOTO3,
            "a profile whose credential_process is awsassume is the role for an AWS SDK",
            shows(ASSUMED),
        ),
    ]
