"""Configs that name credentials in every way there is, each for awsassume and for botocore.

In the texts `<bob>` and `<eve>` stand for a user's two lines of keys, `<a>` to `<d>` for the ARNs of roles, `<far>` for one of
another account, `<url>` for the fake AWS, `<serial>` for Bob's MFA device, `<give:NAME>` for a command that prints a user's
credentials, `<token>` for a file with a web identity's token.
"""

from __future__ import annotations

from typing import NamedTuple

BOB = "[profile bob]\n<bob>\n"
EVE = "[profile eve]\n<eve>\n"
SSO = "sso_account_id = 123456789012\nsso_role_name = Developer\n"
LEGACY = f"[profile sso]\n{SSO}sso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
SESSION = (
    f"[profile sso]\n{SSO}sso_session = corp\n[sso-session corp]\n"
    "sso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
)
WEB = (
    "[profile web]\nrole_arn = <web>\nweb_identity_token_file = <token>\nrole_session_name = web\n"
)
LOGIN = "[profile login]\nlogin_session = <bob-arn>\n"
PROCESS = "[profile process]\ncredential_process = <give:eve>\n"
CONTAINER = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "<url>/container/credentials"}
INSTANCE = {
    "AWS_EC2_METADATA_DISABLED": "false",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "<url>",
}
BOBS_KEYS = {"AWS_ACCESS_KEY_ID": "<bob-id>", "AWS_SECRET_ACCESS_KEY": "<bob-secret>"}
EVES_KEYS = {"AWS_ACCESS_KEY_ID": "<eve-id>", "AWS_SECRET_ACCESS_KEY": "<eve-secret>"}
TEMPORARY = {
    "AWS_ACCESS_KEY_ID": "<temporary-id>",
    "AWS_SECRET_ACCESS_KEY": "<temporary-secret>",
    "AWS_SESSION_TOKEN": "<temporary-token>",
}


class Row(NamedTuple):
    """A config and what is asked of it.

    `role` is ROLE for us; where it is a profile's name, botocore is given that profile, and where it is an ARN, botocore
    assumes that role with what it finds by itself (`profile`: with --profile, and that profile). `why` says what we do
    otherwise on purpose: there `ours` is who comes out, by the lineage's last names; None where we refuse.
    """

    name: str
    config: str
    role: str = "x"
    credentials: str = ""
    environ: dict[str, str] = {}  # noqa: RUF012  # never changed
    profile: str | None = None
    why: str = ""
    ours: tuple[str, ...] | None = None
    parameters: bool = True
    """Whether what AssumeRole is told is the same too."""


def role(
    arn: str = "<a>", source: str = "source_profile = bob", more: str = "", name: str = "x"
) -> str:
    """Write a profile of a role."""
    return f"[profile {name}]\nrole_arn = {arn}\n{source}\n{more}\n"


def through(source: str) -> str:
    """Write a role with this source profile."""
    return role(source=f"source_profile = {source}")


CHAIN = role("<a>", "source_profile = y") + role("<b>", name="y") + BOB
LONG = (
    role("<a>", "source_profile = y")
    + role("<b>", "source_profile = z", "external_id = b-id\nrole_session_name = at-b", name="y")
    + role("<c>", "source_profile = w", "duration_seconds = 900", name="z")
    + role("<d>", "source_profile = bob", "external_id = d-id", name="w")
    + BOB
)
MFA_WHY = "the code gets one session for every role behind the device"

EVERYWHERE = {**INSTANCE, **CONTAINER}
EMPTY = {
    "role_arn": "[profile x]\nrole_arn =\nsource_profile = bob\n" + BOB,
    "source_profile": role(source="source_profile =") + "[default]\n<bob>\n",
    "credential_source": role(source="credential_source =") + "[default]\n<bob>\n",
    "credential_process": "[profile x]\ncredential_process =\n",
    "sso_session": f"[profile x]\n{SSO}sso_session =\n",
    "sso_role_name": LEGACY.replace("profile sso", "profile x").replace("Developer", ""),
    "login_session": "[profile x]\nlogin_session =\n",
    "web_identity_token_file": "[profile x]\nrole_arn = <a>\nsource_profile = bob\n"
    "web_identity_token_file =\n" + BOB,
    "aws_access_key_id": "[profile x]\naws_access_key_id =\naws_secret_access_key = <bob-secret>\n",
    "external_id": role(more="external_id =") + BOB,
    "mfa_serial": role(more="mfa_serial =") + BOB,
}
TAKEN_FOR_ABSENT = {
    "web_identity_token_file": "botocore is the container then, for which nobody has asked",
}
BLOCKS = ("source_profile", "credential_source", "external_id")


def renamed(text: str) -> str:
    """Give a profile x another name, to stand behind one."""
    return text.replace("[profile x]", "[profile y]")


ROWS = [
    # Chains.
    Row("source_profile in the config file", role() + BOB),
    Row("source_profile in the credentials file", role(), credentials="[bob]\n<bob>\n"),
    Row(
        "the credentials file wins", role() + "[profile bob]\n<eve>\n", credentials="[bob]\n<bob>\n"
    ),
    Row("source_profile default", role(source="source_profile = default") + "[default]\n<bob>\n"),
    Row(
        "a role in the credentials file",
        BOB,
        credentials="[x]\nrole_arn = <a>\nsource_profile = bob\n",
    ),
    Row("two roles", CHAIN),
    Row("four roles, each with parameters of its own", LONG),
    Row("a middle profile by itself", LONG, role="y"),
    Row("its own source", role(source="source_profile = x", more="<bob>")),
    Row(
        "its own source, as a source",
        through("y") + role("<b>", "source_profile = y", "<eve>", name="y"),
    ),
    Row(
        "a source whose keys win over its role",
        through("y") + role("<b>", "source_profile = bob", "<eve>", name="y") + BOB,
    ),
    Row("another account", role("<far>", more="external_id = far-id") + BOB),
    Row(
        "a name with blanks",
        '[profile "x y"]\nrole_arn = <a>\nsource_profile = bob\n' + BOB,
        role="x y",
    ),
    Row(
        "a loop of two",
        role("<a>", "source_profile = y") + role("<b>", "source_profile = x", name="y"),
    ),
    Row("a loop of one without keys", role(source="source_profile = x")),
    Row("a missing link", role(source="source_profile = nowhere")),
    Row(
        "a missing link behind another",
        through("y") + role("<b>", "source_profile = nowhere", name="y"),
    ),
    Row(
        "both sources at once",
        role(more="credential_source = Environment") + BOB,
        environ=BOBS_KEYS,
    ),
    Row(
        "no source at all",
        role(source="") + "[default]\n<bob>\n",
        why="botocore gives up; there is one that anybody would mean",
        ours=("Bob", "a"),
    ),
    Row(
        "no source, and keys of its own",
        role(source="", more="<eve>") + "[default]\n<bob>\n",
        why="botocore gives up; its own keys are its source",
        ours=("Eve", "a"),
    ),
    Row(
        "its own source by a process",
        role(source="source_profile = x", more="credential_process = <give:eve>"),
        why="botocore allows that for keys alone",
        ours=("Eve", "a"),
    ),
    Row("a source without credentials", through("empty") + "[profile empty]\nregion = eu-west-1\n"),
    Row(
        "half of a source's keys",
        through("half") + "[profile half]\naws_access_key_id = <bob-id>\n",
    ),
    # Options of AssumeRole as keys.
    Row("external_id", role(more="external_id = some/id:1") + BOB),
    Row("role_session_name", role(more="role_session_name = me@here") + BOB),
    Row("duration_seconds", role("<long>", more="duration_seconds = 7200") + BOB),
    Row("duration_seconds 900", role(more="duration_seconds = 900") + BOB),
    Row(
        "a duration that is no number",
        role(more="duration_seconds = 1h30") + BOB,
        why="botocore ignores it and gives an hour; who wrote it counts on something else",
    ),
    Row("a duration that is too short", role(more="duration_seconds = 899") + BOB),
    Row(
        "a duration that is too long for a chain",
        role("<long>", "source_profile = y", "duration_seconds = 7200")
        + role("<b>", name="y")
        + BOB,
    ),
    Row("a session name with a blank", role(more="role_session_name = no good") + BOB),
    Row("an ARN that is none", role("arn:aws:iam::12345:role/a") + BOB),
    Row(
        "all keys at once",
        role("<long>", more="external_id = e-id\nrole_session_name = all\nduration_seconds = 3000")
        + BOB,
    ),
    Row(
        "keys that botocore knows nothing of",
        role(more='policy = {"Version":"2012-10-17","Statement":[]}\nsession_tags = team=x') + BOB,
        why="botocore has no key for policies and tags",
        ours=("Bob", "a"),
        parameters=False,
    ),
    # MFA.
    Row(
        "mfa_serial",
        role(more="mfa_serial = <serial>") + BOB,
        environ={"AWSASSUME_TOKEN_CODE": "123456"},
        why=MFA_WHY,
        ours=("Bob", "a"),
        parameters=False,
    ),
    Row(
        "mfa_serial of a role for two hours",
        role("<long>", more="mfa_serial = <serial>\nduration_seconds = 7200") + BOB,
        environ={"AWSASSUME_TOKEN_CODE": "123456"},
    ),
    Row(
        "mfa_serial in the middle of a chain",
        through("y") + role("<b>", more="mfa_serial = <serial>", name="y") + BOB,
        environ={"AWSASSUME_TOKEN_CODE": "123456"},
        why=MFA_WHY,
        ours=("Bob", "b", "a"),
        parameters=False,
    ),
    Row(
        "mfa_serial of a stranger",
        role(more="mfa_serial = arn:aws:iam::123456789012:mfa/nobody") + BOB,
        environ={"AWSASSUME_TOKEN_CODE": "123456"},
    ),
    Row(
        "mfa_serial of the source",
        role("<safe>") + "[profile bob]\n<bob>\nmfa_serial = <serial>\n",
        environ={"AWSASSUME_TOKEN_CODE": "123456"},
        why="botocore does not look there; a device is a user's, not a role's",
        ours=("Bob", "safe"),
        parameters=False,
    ),
    Row(
        "mfa_process",
        role(more="mfa_serial = <serial>\nmfa_process = echo 123456") + BOB,
        why="botocore asks a person",
        ours=("Bob", "a"),
        parameters=False,
    ),
    # Processes.
    Row("credential_process as a source", through("process") + PROCESS),
    Row("credential_process by itself", PROCESS, role="process"),
    Row(
        "credential_process with quotes",
        '[profile x]\ncredential_process = <python> "<script>" "eve"\n',
    ),
    Row(
        "credential_process that fails", through("p") + "[profile p]\ncredential_process = false\n"
    ),
    Row(
        "credential_process that is not there",
        through("p") + "[profile p]\ncredential_process = /no/such/thing\n",
    ),
    Row(
        "credential_process that prints no JSON",
        through("p") + "[profile p]\ncredential_process = echo hello\n",
    ),
    Row(
        "credential_process beside keys in the config file",
        through("p") + "[profile p]\n<bob>\ncredential_process = <give:eve>\n",
    ),
    Row(
        "credential_process beside keys in the credentials file",
        through("p") + "[profile p]\ncredential_process = <give:eve>\n",
        credentials="[p]\n<bob>\n",
    ),
    # Single sign-on.
    Row("sso, legacy, by itself", LEGACY, role="sso"),
    Row("sso, legacy, as a source", through("sso") + LEGACY),
    Row("sso_session by itself", SESSION, role="sso"),
    Row("sso_session as a source", through("sso") + SESSION),
    Row(
        "sso beside keys",
        through("sso") + LEGACY.replace("[profile sso]\n", "[profile sso]\n<bob>\n"),
    ),
    Row(
        "sso of a session that is not there",
        through("sso") + f"[profile sso]\n{SSO}sso_session = none\n",
    ),
    Row("sso without a login", through("sso") + LEGACY.replace("example.aws", "other.aws")),
    Row("sso of a role that is not given", through("sso") + LEGACY.replace("Developer", "Admin")),
    Row(
        "sso with half of its keys",
        through("sso") + "[profile sso]\nsso_account_id = 123456789012\n",
    ),
    # Web identity.
    Row("web identity by itself", WEB, role="web"),
    Row("web identity as a source", through("web") + WEB),
    Row("web identity without its file", WEB.replace("<token>", "/no/such/token"), role="web"),
    Row(
        "web identity of the environment",
        "",
        role="<a>",
        environ={
            "AWS_WEB_IDENTITY_TOKEN_FILE": "<token>",
            "AWS_ROLE_ARN": "<web>",
            "AWS_ROLE_SESSION_NAME": "env",
        },
    ),
    Row(
        "web identity of the environment beside default keys",
        "[default]\n<bob>\n",
        role="<a>",
        environ={
            "AWS_WEB_IDENTITY_TOKEN_FILE": "<token>",
            "AWS_ROLE_ARN": "<web>",
            "AWS_ROLE_SESSION_NAME": "env",
        },
    ),
    Row(
        "web identity of the environment does not reach a named profile",
        role() + BOB,
        environ={"AWS_WEB_IDENTITY_TOKEN_FILE": "<token>", "AWS_ROLE_ARN": "<web>"},
    ),
    # aws login.
    Row("login_session by itself", LOGIN, role="login"),
    Row("login_session as a source", through("login") + LOGIN),
    Row("login_session beside keys in the config file", through("login") + LOGIN + "<eve>\n"),
    Row(
        "login_session without a login",
        "[profile x]\nlogin_session = arn:aws:iam::123456789012:user/nobody\n",
    ),
    # credential_source.
    Row(
        "credential_source Environment",
        role(source="credential_source = Environment"),
        environ=BOBS_KEYS,
    ),
    Row(
        "credential_source Environment with temporary keys",
        role(source="credential_source = Environment"),
        environ=TEMPORARY,
    ),
    Row(
        "credential_source Environment without keys",
        role(source="credential_source = Environment") + "[default]\n<bob>\n",
    ),
    Row(
        "credential_source Environment beside AWS_PROFILE",
        role(source="credential_source = Environment") + EVE,
        environ={**BOBS_KEYS, "AWS_PROFILE": "eve"},
    ),
    Row(
        "credential_source EcsContainer",
        role(source="credential_source = EcsContainer"),
        environ=CONTAINER,
    ),
    Row(
        "credential_source EcsContainer in a chain",
        through("y") + role("<b>", "credential_source = EcsContainer", name="y"),
        environ=CONTAINER,
    ),
    Row(
        "credential_source EcsContainer without a container",
        role(source="credential_source = EcsContainer"),
    ),
    Row(
        "credential_source Ec2InstanceMetadata",
        role(source="credential_source = Ec2InstanceMetadata"),
        environ=INSTANCE,
    ),
    Row(
        "credential_source Ec2InstanceMetadata beside keys",
        role(source="credential_source = Ec2InstanceMetadata"),
        environ={**INSTANCE, **EVES_KEYS},
    ),
    Row(
        "credential_source that is none",
        role(source="credential_source = Elsewhere"),
        environ=BOBS_KEYS,
    ),
    # What the environment and the default profile say.
    Row("keys of the environment", "", role="<a>", environ=BOBS_KEYS),
    Row(
        "keys of the environment over default", "[default]\n<eve>\n", role="<a>", environ=BOBS_KEYS
    ),
    Row(
        "keys of the environment over AWS_PROFILE",
        EVE,
        role="<a>",
        environ={**BOBS_KEYS, "AWS_PROFILE": "eve"},
    ),
    Row("temporary keys of the environment", "", role="<a>", environ=TEMPORARY),
    Row(
        "half of the environment's keys",
        "[default]\n<eve>\n",
        role="<a>",
        environ={"AWS_ACCESS_KEY_ID": "<bob-id>"},
    ),
    Row("a named profile over keys of the environment", role() + BOB, environ=EVES_KEYS),
    Row(
        "AWS_PROFILE with keys",
        BOB + "[default]\n<eve>\n",
        role="<a>",
        environ={"AWS_PROFILE": "bob"},
    ),
    Row("AWS_PROFILE with a role", CHAIN, role="<far>", environ={"AWS_PROFILE": "x"}),
    Row(
        "AWS_DEFAULT_PROFILE",
        BOB + "[default]\n<eve>\n",
        role="<a>",
        environ={"AWS_DEFAULT_PROFILE": "bob"},
    ),
    Row(
        "AWS_PROFILE and AWS_DEFAULT_PROFILE",
        BOB + EVE,
        role="<a>",
        environ={"AWS_PROFILE": "bob", "AWS_DEFAULT_PROFILE": "eve"},
        why="botocore takes the second and every other SDK the first: to guess would be to be somebody by accident",
    ),
    Row(
        "AWS_PROFILE that is not there",
        "[default]\n<bob>\n",
        role="<a>",
        environ={"AWS_PROFILE": "gone"},
    ),
    Row("default keys", "[default]\n<bob>\n", role="<a>"),
    Row(
        "default role",
        role(name="bob-role").replace("profile bob-role", "default") + BOB,
        role="<far>",
    ),
    Row(
        "--profile over keys of the environment", BOB, role="<a>", environ=EVES_KEYS, profile="bob"
    ),
    Row("--profile with a role", CHAIN, role="<far>", profile="x"),
    Row("--profile with single sign-on", SESSION, role="<a>", profile="sso"),
    Row(
        "--profile that has only a region",
        "[profile bare]\nregion = eu-west-1\n",
        role="<a>",
        profile="bare",
        environ=CONTAINER,
    ),
    Row("the container's own", "", role="<a>", environ=CONTAINER),
    Row("the instance's own", "", role="<a>", environ=INSTANCE),
    Row("the container before the instance", "", role="<a>", environ={**INSTANCE, **CONTAINER}),
    Row("nothing at all", "", role="<a>"),
    # Endpoints and regions.
    Row(
        "endpoint_url of the profile",
        role(more="endpoint_url = <url>") + BOB,
        environ={"AWS_ENDPOINT_URL": ""},
    ),
    Row(
        "services of the profile",
        role(more="services = mine") + BOB + "[services mine]\nsts =\n  endpoint_url = <url>\n",
        environ={"AWS_ENDPOINT_URL": ""},
    ),
    Row(
        "endpoint_url of the outermost holds for all",
        role("<a>", "source_profile = y", "endpoint_url = <url>") + role("<b>", name="y") + BOB,
        environ={"AWS_ENDPOINT_URL": ""},
    ),
    Row(
        "AWS_ENDPOINT_URL_STS over AWS_ENDPOINT_URL",
        role() + BOB,
        environ={"AWS_ENDPOINT_URL_STS": "<url>", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
    ),
    Row(
        "region of the profile",
        role(more="region = eu-west-1") + BOB,
        environ={"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
    ),
    Row(
        "no region",
        role() + BOB,
        environ={"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
        why="botocore can't call a given endpoint without a Region",
        ours=("Bob", "a"),
    ),
    Row(
        "a region that is none",
        role(more="region = eu west") + BOB,
        environ={"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
    ),
]

# What is there and empty, or of the wrong kind.
FAULTS = [
    *(
        Row(f"{name} without a value", text, environ=EVERYWHERE, why=TAKEN_FOR_ABSENT.get(name, ""))
        for name, text in EMPTY.items()
    ),
    *(
        Row(f"{name} without a value, in a chain", through("y") + renamed(text), environ=EVERYWHERE)
        for name, text in EMPTY.items()
    ),
    Row(
        "role_session_name, region and a source's mfa_serial without a value",
        role(more="role_session_name =\nregion =") + BOB + "mfa_serial =\n",
    ),
    Row("aws_session_token without a value", role() + BOB + "aws_session_token =\n"),
    *(
        Row(
            f"{name} with a block for its value",
            text.replace(f"{name} =\n", f"{name} =\n  id = 7\n"),
            environ=EVERYWHERE,
        )
        for name, text in EMPTY.items()
        if name in BLOCKS
    ),
]
