"""Writes the man page and the README's tables from Typer's command and what stands here: ``python -m tests.documents``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer.main

from awsassume import cli, manual

TOP = Path(cli.__file__).parent.parent
MAN = TOP / "shell/awsassume.1"
README = TOP / "README.md"

ROLES = (
    ("arn:aws:iam::123456789012:role/NAME", "A role by its ARN, in any partition."),
    (
        "PROFILE",
        "A profile of the AWS config files: the role that its role_arn names, or its own credentials (SSO).",
    ),
    ("123456789012:NAME", "A role of another account by its number and name."),
    (
        "NAME",
        "A role of the source's own account, found with ListRoles, under whatever path it is.",
    ),
)
EXIT_CODES = (
    ("0", "Done. After -- the exit code is COMMAND's."),
    ("2", "The command line does not say what to do."),
    ("3", "The AWS config files, or a value in them or in the environment, cannot be followed."),
    ("4", "The source credentials are missing, expired, or cannot be had."),
    ("5", "AWS refused, or could not be reached."),
    ("126", "COMMAND can't be run."),
    ("127", "COMMAND is not there."),
    ("130", "Interrupted; 128 and its number for every other signal."),
    ("1", "A bug. Please report it."),
)
VARIABLES = (
    (
        "AWS_PROFILE",
        "The source, as for every SDK. A profile that asks awsassume is passed over, which is said.",
    ),
    (
        "AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE",
        "The AWS config files, if not those in ~/.aws.",
    ),
    (
        "AWS_REGION, AWS_DEFAULT_REGION",
        "The AWS Region to call and to set, behind --region and the role's own profile, before its source's.",
    ),
    (
        "AWS_ENDPOINT_URL_SIGNIN",
        "The sign-in endpoint of --console, if not AWS's own; AWS_ENDPOINT_URL holds for all services.",
    ),
    (
        "AWSASSUME_SESSION_NAME",
        "RoleSessionName, where neither --session-name nor the profile gives one.",
    ),
    ("AWSASSUME_DURATION", "How long, where neither --duration nor the profile says."),
    ("AWSASSUME_TOKEN_CODE", "The MFA code, for those who have no terminal."),
    (
        "AWSASSUME_CACHE_DIR",
        "Where the folder awsassume of sessions is, if not in the platform's cache directory.",
    ),
    (
        "AWSASSUME_STORE",
        "keyring: sessions on disk are sealed with a key that the system's keyring keeps.",
    ),
    ("AWSASSUME_AUTO_RENEW", "0: the shell's hook does not renew what is about to end."),
    ("AWSASSUME_DEBUG", "1: show where an error happened."),
    ("BROWSER", "The browser of --console and --login."),
    ("NO_COLOR", "Set: no colours and no escape codes."),
)
WRITTEN = (
    ("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN", "The role's credentials."),
    ("AWS_CREDENTIAL_EXPIRATION", "When they end, as SDKs read it: 2030-01-01T00:00:00Z."),
    (
        "AWS_REGION, AWS_DEFAULT_REGION",
        "The AWS Region: --region, the role's profile, the shell's own, or its source's, whichever is first.",
    ),
    (
        "AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_SERVICE, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "The profile's endpoints, where the shell names none.",
    ),
    (
        "AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_CA_BUNDLE, AWS_STS_REGIONAL_ENDPOINTS",
        "What else the profile says of endpoints, where the shell says nothing.",
    ),
    ("AWSASSUME_ROLE", "The role, for prompts."),
    ("AWSASSUME_EXPIRATION", "When it ends, in epoch seconds."),
    ("AWSASSUME_SAVED, AWSASSUME_RENEW", "What --clear and --renew need."),
)
FILES = (
    ("~/.aws/config, ~/.aws/credentials", "Read, and never written."),
    ("~/.aws/sso/cache", "Where --login writes the token, as every SDK reads it."),
    (
        "~/.cache/awsassume",
        "Sessions, readable by their owner alone; on macOS ~/Library/Caches/awsassume.",
    ),
)


def options() -> list[tuple[str, str, str]]:
    """Return group, names with the value's, and help of every option, in the order of the help."""
    found = []
    command = typer.main.get_command(cli.app)
    context = typer.Context(command)
    for parameter in command.get_params(context):
        record: Any = parameter.get_help_record(context)
        if parameter.param_type_name != "option" or record is None:
            continue
        names, says = record
        choices = getattr(parameter.type, "choices", None)
        if choices:
            says = f"{says} One of {', '.join(map(str, choices))}."
        group = getattr(parameter, "rich_help_panel", None) or manual.MODES
        found.append((group, names, " ".join(says.split())))
    return sorted(found, key=lambda row: manual.GROUPS.index(row[0]))


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return re.sub(r"^([.'])", r"\\&\1", text)


def _listed(rows: tuple[tuple[str, str], ...]) -> list[str]:
    lines = []
    for left, right in rows:
        lines += [".TP", f".B {_roff(left)}", _roff(right)]
    return lines


def man() -> str:
    """Return the man page as it must be."""
    command = typer.main.get_command(cli.app)
    says = (command.help or "").split("\n\n")
    lines = [
        ".\\\" Made from Typer's command by `make options`; a test holds the two together.",
        '.TH AWSASSUME 1 "" awsassume "User Commands"',
        ".SH NAME",
        f"awsassume \\- {_roff(says[0][0].lower() + says[0].rstrip('.')[1:])}",
        ".SH SYNOPSIS",
        ".nf",
        *(_roff(line) for line in SYNOPSIS),
        ".fi",
        ".SH DESCRIPTION",
        *(_roff(" ".join(text.split())) for text in says[1:]),
        ".SH ROLE",
        *_listed(ROLES),
        ".SH OPTIONS",
    ]
    group = ""
    for section, names, text in options():
        if section != group:
            group = section
            lines.append(f".SS {_roff(group)}")
        lines += [".TP", f".B {_roff(names)}", _roff(text)]
    lines += [".SH EXIT STATUS", *_listed(EXIT_CODES)]
    lines += [".SH ENVIRONMENT", ".SS Read", *_listed(VARIABLES)]
    lines += [".SS Written", *_listed(WRITTEN), ".SH FILES", *_listed(FILES)]
    lines += [".SH EXAMPLES", ".nf"]
    lines += [
        _roff(line)
        for line in manual.EPILOG.split("Exit codes")[0].replace("\b\n", "").splitlines()[2:]
    ]
    lines += [
        ".fi",
        ".SH SEE ALSO",
        ".nf",
        "aws(1)",
        "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html",
        ".fi",
    ]
    return "\n".join(lines).rstrip() + "\n"


SYNOPSIS = (
    'eval "$(awsassume [OPTIONS] ROLE)"',
    "awsassume [OPTIONS] ROLE -- COMMAND [ARG]...",
    'eval "$(awsassume --clear)"',
)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    lines += [f"| {_cell(_code(left))} | {_cell(right)} |" for left, right in rows]
    return "\n".join(lines)


def _code(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def tables() -> dict[str, str]:
    """Return the README's tables by the names of their places."""
    by_group = []
    for group in manual.GROUPS:
        rows = [(names, says) for section, names, says in options() if section == group]
        by_group.append(f"**{group}**\n\n{_table(('option', 'does'), rows)}")
    return {
        "roles": _table(("ROLE", "is"), list(ROLES)),
        "options": "\n\n".join(by_group),
        "exit codes": _table(("exit code", "means"), list(EXIT_CODES)),
        "variables": _table(("variable", "says"), list(VARIABLES)),
        "written": _table(("variable", "holds"), list(WRITTEN)),
    }


def readme(text: str) -> str:
    """Return the README with its tables as they must be."""
    for name, table in tables().items():
        begin, end = f"<!-- {name}: made by `make options` -->", f"<!-- /{name} -->"
        head, found, rest = text.partition(begin)
        _, ended, tail = rest.partition(end)
        assert found, f"README.md has no place for {name}"
        assert ended, f"README.md has no end of {name}"
        text = f"{head}{begin}\n{table}\n{end}{tail}"
    return text


if __name__ == "__main__":
    MAN.write_text(man())
    README.write_text(readme(README.read_text()))
