"""The AWS account that the article makes: Bob, his policy, the role that he may assume.

moto's server stands in for AWS: real HTTP and real AWS protocol on a loopback port, with IAM
enforced. The requests below are those of the article, in its order and under its names; see
https://repost.aws/knowledge-center/iam-assume-role-cli. The trust policy names both principals that
the article offers, because moto doesn't take the account's root for all who are in the account.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "123456789012"
REGION = "eu-west-1"
USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/Bob"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/example-role"
DATABASE = "example-database"

EXAMPLE_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["ec2:Describe*", "iam:ListRoles", "sts:AssumeRole"],
            "Resource": "*",
        }
    ],
}
EXAMPLE_ROLE_TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", USER_ARN]},
        "Action": "sts:AssumeRole",
    },
}


@dataclass(frozen=True)
class World:
    """The account, up and running, and the home directory of a person who works with it."""

    home: Path
    environ: dict[str, str]
    """The environment of that person's shell: nothing in it leads anywhere but to this world."""
    endpoint_url: str
    access_key_id: str
    instance_id: str


@contextlib.contextmanager
def _moto() -> Iterator[str]:
    """Run moto's server; yield its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.demo.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={
            **{
                name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")
            },
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        },
        # Ctrl-C in the demo's shell is not meant for the server.
        start_new_session=True,
    )
    assert process.stderr is not None
    assert process.stdin is not None
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            message = "moto's server did not start:\n" + "".join(said)
            raise RuntimeError(message)
        # A full pipe would stop the server in the middle of its log.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield found.group()
    finally:
        process.stdin.close()
        process.wait()


def _build(endpoint_url: str) -> tuple[str, str, str]:
    """Make what the article makes; return Bob's access key id and secret, and the instance's id."""
    session = boto3.Session(
        aws_access_key_id="administrator", aws_secret_access_key="-", region_name=REGION
    )
    iam = session.client("iam", endpoint_url=endpoint_url)
    ec2 = session.client("ec2", endpoint_url=endpoint_url)
    rds = session.client("rds", endpoint_url=endpoint_url)

    iam.create_user(UserName="Bob")
    policy = iam.create_policy(
        PolicyName="example-policy", PolicyDocument=json.dumps(EXAMPLE_POLICY)
    )
    iam.attach_user_policy(UserName="Bob", PolicyArn=policy["Policy"]["Arn"])
    iam.create_role(
        RoleName="example-role", AssumeRolePolicyDocument=json.dumps(EXAMPLE_ROLE_TRUST_POLICY)
    )
    iam.attach_role_policy(
        RoleName="example-role", PolicyArn="arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess"
    )
    key = iam.create_access_key(UserName="Bob")["AccessKey"]

    # What there is to be seen, or not: the article takes it for granted.
    image = ec2.describe_images()["Images"][0]["ImageId"]
    started = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    rds.create_db_instance(
        DBInstanceIdentifier=DATABASE,
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        DBName="example",
        MasterUsername="postgres",
        MasterUserPassword="made-up-password",
    )
    return key["AccessKeyId"], key["SecretAccessKey"], started["Instances"][0]["InstanceId"]


def _enforce(endpoint_url: str) -> None:
    """From now on, have every request signed and allowed by a policy."""
    request = urllib.request.Request(  # noqa: S310 (the URL is our own server's)
        f"{endpoint_url}/moto-api/reset-auth",
        data=b"0",
        headers={"Content-Type": "text/plain"},
        method="POST",
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as answer:
        answer.read()


def _environ(home: Path, endpoint_url: str) -> dict[str, str]:
    """Return the environment of a shell in this world: a plain one, which finds our programs."""
    programs = Path(sys.executable).parent
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "TERM", "TMPDIR", "USER", "CI"}
        or name.startswith("COVERAGE_")
    }
    return {
        **kept,
        "HOME": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "AWS_CONFIG_FILE": str(home / ".aws/config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws/credentials"),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "AWSASSUME_CACHE_DIR": str(home / ".cache"),
        "NO_PROXY": "*",
    }


def _configure(home: Path, access_key_id: str, secret_access_key: str) -> None:
    """Write what `aws configure` writes for the article, and a profile that asks awsassume."""
    program = Path(sys.executable).parent / "awsassume"
    folder = home / ".aws"
    folder.mkdir(mode=0o700)
    (folder / "config").write_text(
        f"[default]\nregion = {REGION}\noutput = json\n\n"
        f"[profile example]\nregion = {REGION}\n"
        f"credential_process = {shlex.quote(str(program))} example-role --credential-process\n"
    )
    credentials = folder / "credentials"
    credentials.touch(mode=0o600)
    credentials.write_text(
        f"[default]\naws_access_key_id = {access_key_id}\n"
        f"aws_secret_access_key = {secret_access_key}\n"
    )


def _give_aws_cli(home: Path) -> None:
    """Put the AWS CLI on the PATH by a script that holds where its own breaks.

    The one that pip installs doesn't start from a folder whose name has a space, or is long.
    """
    script = home / "bin/aws"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m awscli "$@"\n')
    script.chmod(0o755)


@contextlib.contextmanager
def world() -> Iterator[World]:
    """Yield the article's world as it is when Bob has run `aws configure`; then leave no trace."""
    with tempfile.TemporaryDirectory(prefix="awsassume-demo-") as folder, _moto() as endpoint_url:
        access_key_id, secret_access_key, instance_id = _build(endpoint_url)
        _enforce(endpoint_url)
        home = Path(folder)
        _give_aws_cli(home)
        _configure(home, access_key_id, secret_access_key)
        yield World(home, _environ(home, endpoint_url), endpoint_url, access_key_id, instance_id)
