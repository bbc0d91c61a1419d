"""The ARN of a role of which only the name is known: looked up as AWS's article does, and remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awsassume import endpoints, identity, private, record, sts
from awsassume.config import Chain, Config, did_you_mean
from awsassume.errors import ConfigurationFailure, Failure, RefusedFailure, SourceFailure
from awsassume.regions import partition_of

if TYPE_CHECKING:
    from awsassume.assume import Assumer
    from awsassume.sessions import Session

FOLDER = "names"
_IAM = "AWS_ENDPOINT_URL_IAM"


class Found(NamedTuple):
    """What a look-up gave: the ARN, ``None`` where no such role is; the account; and the names of its roles.

    ``guessed`` is true where ListRoles was denied, and the ARN is the one of a role without a path.
    """

    arn: str | None
    account_id: str
    names: tuple[str, ...]
    guessed: bool


def find(assumer: Assumer, name: str, chain: Chain, *, again: bool) -> tuple[str, bool]:
    """Give the ARN of a role of the source's own account, and whether it was remembered. ``again`` asks AWS anew.

    Raises ConfigurationFailure where there is none, with the closest names.
    """
    config, planner, cache = assumer.config, assumer.planner, assumer.cache.directory
    sourced = planner.finished(planner.source_steps(chain.roles), chain, name)
    hop = sourced.hops[0] if sourced.hops else None
    settings = hop.settings if hop else config.settings(chain.origin)
    region = planner.regions.named([settings]) or planner.regions.around() or "us-east-1"
    # A name is the same role to everybody in the account, whoever has logged in.
    is_told = identity.is_told(config, chain.origin)
    account = identity.named(config, chain.origin) if is_told else sourced.identity
    key = identity.digest(
        "name",
        hop.step.role_arn if hop else account,
        name,
        endpoints.written(config, settings),
        config.environ.get(_IAM, ""),
        partition_of(region),
    )
    if cache is not None:
        config.files.note(f"{cache}/{FOLDER}/{key}", replaced=True)
    try:
        arn = None if again else _remembered(cache, key, name)
    except private.UntrustedError as error:
        assumer.warn(f"not used: {error}")
        arn = None
    if arn:
        return arn, True
    try:

        def look_up(session: Session) -> Found:
            aws = sts.Aws(
                config, settings, region, session.credentials, assumer.clock, assumer.tell
            )
            if hop is None:
                assumer.name_signer(aws, chain.origin)
            else:
                aws.whose = f"the session of {hop.step.role_arn}"
            return _look_up(aws, name)

        try:
            found = look_up(assumer.behind(sourced, -1))
        except SourceFailure as failure:
            found = look_up(assumer.obtain_anew(sourced, failure))
    except (SourceFailure, RefusedFailure) as failure:
        raise _perhaps_a_profile(name, failure, config) from None
    if found.arn is None:
        raise _nowhere(name, found, config)
    if found.guessed:
        assumer.tell(f"ListRoles is denied; taking {found.arn}")
        assumer.guessed = name
    elif cache is not None:
        try:
            _remember(cache, key, found.arn)
            # As it stands now, in what is remembered of this command line; another's newer answer counts.
            config.files.note(f"{cache}/{FOLDER}/{key}", replaced=True)
            return _remembered(cache, key, name) or found.arn, False
        except (OSError, ValueError, private.UntrustedError) as error:
            assumer.tell(f"the role's ARN can't be kept: {error}")
    return found.arn, False


def _nowhere(name: str, found: Found, config: Config) -> ConfigurationFailure:
    what = f'"{name}" is neither a profile of {config.config_file} nor a role of account {found.account_id}'
    if config.find(name):
        # Passed over, so that it may bear its role's name.
        what = f'profile "{name}" asks awsassume for a role of that name, and account {found.account_id} has none'
    others = [other for other in (*config.names, *found.names) if other != name]
    return ConfigurationFailure(
        what, did_you_mean(name, others) or "see what there is: awsassume --list"
    )


def _perhaps_a_profile(name: str, failure: Failure, config: Config) -> Failure:
    """Say that the name was taken for a role's: who meant a profile looks for the fault elsewhere otherwise."""
    what = f'"{name}" is no profile, and can\'t be looked up as a role'
    if config.find(name):
        what = f'profile "{name}" asks awsassume for a role of that name, which can\'t be looked up'
    failure.message = f"{what}: {failure.message}"
    others = [other for other in config.names if other != name]
    failure.hint = did_you_mean(name, others) or failure.hint
    return failure


def _remembered(cache: str | None, key: str, name: str) -> str | None:
    """Give the ARN that a name was last found to be, if it was. Raises private.UntrustedError."""
    if cache is None:
        return None
    arn = dict(record.read(cache, FOLDER, key) or ()).get("role_arn")
    return arn if arn and name in _calls(arn) else None


def _remember(cache: str, key: str, arn: str) -> None:
    """Keep an ARN. Raises private.UntrustedError or OSError."""
    record.write(cache, FOLDER, key, [("role_arn", arn)])


def _look_up(aws: sts.Aws, name: str) -> Found:
    """Find a role by its name, or by its path and name, in the caller's account. Raises what AWS's refusals become.

    GetCallerIdentity, which needs no permission, then ListRoles through all its pages.
    """
    identity = sts.caller_identity(aws)
    account = identity["Account"]
    known = aws.credentials.account_id
    if known and known != account:
        raise RefusedFailure(
            f"the credentials of {aws.whose} are of account {known}, and STS says {account}",
            sts.NOT_AWS,
        )
    try:
        roles = sts.list_roles(aws, identity)
    except RefusedFailure as failure:
        if "AccessDenied" not in failure.code:
            raise
        partition = identity["Arn"].split(":")[1]
        return Found(f"arn:{partition}:iam::{account}:role/{name}", account, (), guessed=True)
    arn = next((arn for arn in roles if name in _calls(arn)), None)
    return Found(arn, account, tuple(map(_name, roles)), guessed=False)


def _calls(arn: str) -> set[str]:
    """Give what a role may be called by in its account: its name, or its path and name."""
    return {_name(arn), arn.partition(":role/")[2]}


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
