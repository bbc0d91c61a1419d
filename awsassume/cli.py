"""The one grammar: Typer reads a command line into a Request, and does nothing else."""

from enum import StrEnum
from typing import Annotated, Any

import typer
import typer.main
from typer._click import exceptions as usage

from awsassume import rules, shells, words
from awsassume.errors import UsageFailure
from awsassume.manual import ASSUME, CACHE, EPILOG, MODES, OUTPUT, ROLES, Command
from awsassume.request import Request

Format = StrEnum("Format", {name: name for name in (*shells.FORMATS, "process")})  # type: ignore[misc]  # made from a table


class Shell(StrEnum):
    """The shells that have a shim."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def _duration(text: str) -> int:
    try:
        return words.duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _option(group: str, *names: str, help: str, **settings: Any) -> Any:  # noqa: A002, ANN401  # Typer's own word and type
    return typer.Option(*names, help=help, rich_help_panel=group, show_default=False, **settings)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    cls=Command,
    epilog=EPILOG,
    no_args_is_help=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
def assume(  # one parameter an option is Typer's way
    role: Annotated[
        str | None,
        typer.Argument(
            metavar="[ROLE] [-- COMMAND [ARG]...]",
            help="A role ARN, a profile, ACCOUNT:NAME, or the name of a role in your own account.",
            show_default=False,
        ),
    ] = None,
    profile: Annotated[
        str | None,
        _option(
            ROLES,
            "--profile",
            "-p",
            metavar="NAME",
            help="Take the source credentials from this profile.",
        ),
    ] = None,
    chain: Annotated[
        bool,
        _option(
            ROLES,
            "--chain",
            help="Take as the source what the environment holds now, even a role of ours.",
        ),
    ] = False,
    region: Annotated[
        str | None,
        _option(ROLES, "--region", metavar="REGION", help="The AWS Region to call and to set."),
    ] = None,
    session_name: Annotated[
        str | None,
        _option(
            ASSUME,
            "--session-name",
            metavar="NAME",
            help="RoleSessionName; USER@HOST when not given.",
        ),
    ] = None,
    duration: Annotated[
        int | None,
        _option(
            ASSUME,
            "--duration",
            "-d",
            metavar="TIME",
            parser=_duration,
            help="How long: 900, 90m, 1h, 12h.",
        ),
    ] = None,
    external_id: Annotated[
        str | None,
        _option(
            ASSUME,
            "--external-id",
            metavar="ID",
            help="The ExternalId that the role's trust policy asks for.",
        ),
    ] = None,
    mfa_serial: Annotated[
        str | None,
        _option(
            ASSUME, "--mfa-serial", metavar="ARN", help="The MFA device, by serial number or ARN."
        ),
    ] = None,
    token_code: Annotated[
        str | None,
        _option(
            ASSUME,
            "--token-code",
            metavar="CODE",
            help="The MFA code; asked on the terminal when not given.",
        ),
    ] = None,
    policy: Annotated[
        str | None,
        _option(
            ASSUME,
            "--policy",
            metavar="JSON|FILE",
            help="A session policy that narrows what the role may do.",
        ),
    ] = None,
    policy_arn: Annotated[
        list[str] | None,
        _option(
            ASSUME, "--policy-arn", metavar="ARN", help="A managed session policy. May be repeated."
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        _option(ASSUME, "--tag", metavar="K=V", help="A session tag. May be repeated."),
    ] = None,
    transitive_tag: Annotated[
        list[str] | None,
        _option(
            ASSUME,
            "--transitive-tag",
            metavar="K",
            help="A tag that goes on to further roles. May be repeated.",
        ),
    ] = None,
    source_identity: Annotated[
        str | None,
        _option(
            ASSUME,
            "--source-identity",
            metavar="NAME",
            help="SourceIdentity, kept through every further role.",
        ),
    ] = None,
    refresh: Annotated[
        bool, _option(CACHE, "--refresh", help="Get a new session even if one is fresh.")
    ] = False,
    no_cache: Annotated[
        bool, _option(CACHE, "--no-cache", help="Neither read nor write sessions on disk.")
    ] = False,
    min_remaining: Annotated[
        int | None,
        _option(
            CACHE,
            "--min-remaining",
            metavar="TIME",
            parser=_duration,
            help="Get a new session when less than this is left.",
        ),
    ] = None,
    format: Annotated[  # noqa: A002  # the option's name
        Format | None,
        _option(
            OUTPUT,
            "--format",
            "-f",
            metavar="FORMAT",
            help="How to print; as the calling shell reads when not given.",
        ),
    ] = None,
    credential_process: Annotated[
        bool,
        _option(
            OUTPUT,
            "--credential-process",
            help="Print JSON for credential_process; the same as --format process.",
        ),
    ] = False,
    show: Annotated[
        bool, _option(OUTPUT, "--show", help="Print secrets even on a terminal.")
    ] = False,
    no_open: Annotated[
        bool, _option(OUTPUT, "--no-open", help="Print the link instead of opening the browser.")
    ] = False,
    json: Annotated[
        bool,
        _option(OUTPUT, "--json", help="Print JSON, with --whoami, --list, --explain or --purge."),
    ] = False,
    quiet: Annotated[
        bool, _option(OUTPUT, "--quiet", "-q", help="Say nothing but errors.")
    ] = False,
    verbose: Annotated[
        bool, _option(OUTPUT, "--verbose", "-v", help="Say each decision and its reason.")
    ] = False,
    clear: Annotated[
        bool,
        _option(MODES, "--clear", help="Print the lines that give the shell back what it had."),
    ] = False,
    renew: Annotated[
        bool,
        _option(
            MODES, "--renew", help="Renew what this shell holds, if it is time; never prompts."
        ),
    ] = False,
    whoami: Annotated[
        bool,
        _option(MODES, "--whoami", help="Say who AWS says you are now, or would be as ROLE."),
    ] = False,
    list_: Annotated[
        bool,
        _option(MODES, "--list", help="List profiles and live sessions, last used first."),
    ] = False,
    explain: Annotated[
        bool,
        _option(MODES, "--explain", help="Say why ROLE can't be taken, and what is missing."),
    ] = False,
    print_profile: Annotated[
        bool,
        _option(
            MODES,
            "--print-profile",
            help="Print the profile for ~/.aws/config by which every AWS SDK asks awsassume for ROLE.",
        ),
    ] = False,
    purge: Annotated[
        bool,
        _option(MODES, "--purge", help="Forget the sessions kept of ROLE, or all that is kept."),
    ] = False,
    console: Annotated[
        bool,
        _option(
            MODES,
            "--console",
            help="Open the AWS Management Console as ROLE, or as what the environment holds.",
        ),
    ] = False,
    service: Annotated[
        str | None,
        _option(
            MODES,
            "--service",
            metavar="NAME|PATH",
            help="The page of the console to open: ec2, s3, cloudwatch/home.",
        ),
    ] = None,
    login: Annotated[
        str | None,
        _option(
            MODES,
            "--login",
            metavar="PROFILE",
            help="Log in to the IAM Identity Center (SSO) that this profile names.",
        ),
    ] = None,
    serve: Annotated[
        bool,
        _option(
            MODES,
            "--serve",
            help="Run COMMAND with credentials of ROLE that are renewed for as long as it runs.",
        ),
    ] = False,
    init: Annotated[
        Shell | None,
        _option(
            MODES,
            "--init",
            metavar="SHELL",
            help="Print the shell function, hook and completion of a shell.",
        ),
    ] = None,
    version: Annotated[bool, _option(MODES, "--version", help="Print the version.")] = False,
) -> Request:
    """Become an AWS role in this shell, and yourself again.

    Prints the lines that put a role's temporary credentials into the shell that evaluates them; or runs COMMAND with them.
    """
    chosen = {
        "clear": clear,
        "renew": renew,
        "whoami": whoami,
        "list": list_,
        "explain": explain,
        "print-profile": print_profile,
        "purge": purge,
        "console": console,
        "login": login is not None,
        "serve": serve,
        "init": init is not None,
        "version": version,
    }
    mode = rules.mode([name for name, given in chosen.items() if given], role)
    if credential_process:
        if format not in {None, Format("process")}:
            msg = f"--credential-process and --format {format} can't go together"
            raise typer.BadParameter(msg)
        format = Format("process")  # noqa: A001  # the option's name
    request = Request(
        mode,
        role=role if login is None else login,
        profile=profile,
        chain=chain,
        region=region,
        session_name=session_name,
        duration=duration,
        external_id=external_id,
        mfa_serial=mfa_serial,
        token_code=token_code,
        policy=policy,
        policy_arns=tuple(policy_arn or ()),
        tags=tuple(tag or ()),
        transitive_tags=tuple(transitive_tag or ()),
        source_identity=source_identity,
        refresh=refresh,
        no_cache=no_cache,
        min_remaining=min_remaining,
        format=None if format is None else str(format),
        show=show,
        json=json,
        service=service,
        no_open=no_open,
        quiet=quiet,
        verbose=verbose,
        shell=None if init is None else str(init),
    )
    rules.check(request)
    return request


def parse(argv: list[str]) -> Request:
    """Read a command line. Raises UsageFailure, and SystemExit after it printed the help."""
    head, command = argv, None
    if "--" in argv:
        split = argv.index("--")
        head, command = argv[:split], tuple(argv[split + 1 :])
    parser = typer.main.get_command(app)
    try:
        # Not main(), which a variable of the environment can turn into something else.
        with parser.make_context(rules.PROGRAM, list(head)) as context:
            request = parser.invoke(context)
    except typer.Exit as done:
        raise SystemExit(done.exit_code) from None
    except usage.UsageError as error:
        raise UsageFailure(_sentence(error), f"see: {rules.PROGRAM} --help") from None
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit:
        # Only when whoever reads the help has gone.
        raise BrokenPipeError from None
    if not isinstance(request, Request):
        raise SystemExit(request or 0)
    return rules.completed(request, command)


def _sentence(error: usage.UsageError) -> str:
    text = " ".join(error.format_message().split()).rstrip(".")
    return text.removeprefix("Invalid value: ")
