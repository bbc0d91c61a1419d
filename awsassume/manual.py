"""What --help prints: the options in groups, and examples. Plain text, for a terminal of any width, a pager or a file."""

import typer.core
from typer._click import Context, HelpFormatter

ROLES, ASSUME, CACHE, OUTPUT, MODES = GROUPS = (
    "Who takes the role",
    "What AssumeRole is told",
    "Sessions kept on disk",
    "What is printed",
    "Instead of taking a role",
)

EPILOG = """\
Examples:

\b
  eval "$(awsassume example-role)"          become the role
  eval "$(awsassume --clear)"               become yourself again
  awsassume example-role -- aws s3 ls       run one command as the role

\b
In ~/.aws/config, so that every AWS SDK asks for itself:

\b
  [profile example]
  credential_process = /path/to/awsassume example-role --credential-process

\b
Exit codes: 0 done, 2 usage, 3 configuration, 4 source credentials,
5 refused by AWS or AWS out of reach, 126 COMMAND can't be run, 127 it is
not there, 130 interrupted.
"""


_COLUMN = 24


class Command(typer.core.TyperCommand):
    """A command whose help has its options in groups, as Typer's has with rich, without rich's boxes and its import."""

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the options, a section for each group."""
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in ("Arguments", *GROUPS)}
        for parameter in self.get_params(ctx):
            written = parameter.get_help_record(ctx)
            if written is None:
                continue
            argument = parameter.param_type_name == "argument"
            # --help is Typer's own, and has no group.
            group = "Arguments" if argument else getattr(parameter, "rich_help_panel", None)
            left, right = written
            choices = getattr(parameter.type, "choices", None)
            if choices:
                right = f"{right} One of {', '.join(map(str, choices))}."
            # Every section has its second column where the others have theirs.
            sections[group or MODES].append((left.ljust(_COLUMN), right))
        for name, rows in sections.items():
            with formatter.section(name):
                formatter.write_dl(rows, col_max=_COLUMN)
