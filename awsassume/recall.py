"""What a command line came to the last time, in the same circumstances: the fast way.

Parsing options with Typer and reading the AWS config with botocore costs twenty interpreters; remembering what came of it
costs one file. What is remembered is the name of the session's file and of the parse what may be written down: of the rest,
and of the circumstances, a digest. It is used only when everything that could lead to another answer is as it was: the words,
the variables that matter, who and where we are, this program, and the files that were read (by times, size and inode). A miss
costs time and nothing else.
"""

import os
import sys

from awsassume import environment, record
from awsassume.request import Request

try:
    # hashlib brings OpenSSL along, which takes longer than all else that a hit does.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

FOLDER = "recall"
_MARK_BYTES = 20
# The variables that decide what a request means: those that botocore reads for it, our own, and those that say where files
# are and who the session is named after. No other is looked at.
DECIDING = frozenset(
    (
        "AWS_ACCESS_KEY_ID",
        "AWS_ACCOUNT_ID",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_CREDENTIAL_FILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_DEFAULT_REGION",
        "AWS_DEFAULTS_MODE",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "AWS_EC2_METADATA_V1_DISABLED",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_IMDS_USE_IPV6",
        "AWS_LOGIN_CACHE_DIRECTORY",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWSASSUME_CACHE_DIR",
        "AWSASSUME_CALLERS",
        "AWSASSUME_DURATION",
        "AWSASSUME_SESSION_NAME",
        "AWSASSUME_STORE",
        "HOME",
        "XDG_CACHE_HOME",
        "LNAME",
        "LOCALAPPDATA",
        "LOGNAME",
        "USER",
        "USERNAME",
        "USERPROFILE",
    )
)
_ENDPOINT = "AWS_ENDPOINT_URL"
# Of these it matters whether they are there, and whether anything is in them; not what, beside the access key id.
SECRETS = frozenset(("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"))
# Begins a reference to the words at hand: which of them, and where in it. No encoded word holds it.
REFERENCE = "#"
# The folder that the program is in. Installing another version there replaces files, which changes the folder.
_PROGRAM = os.path.dirname(os.path.abspath(__file__))
# Where a person edits the program, a module may be written in place.
IS_CHECKOUT = not os.path.dirname(_PROGRAM).endswith("-packages")


class Target:
    """What a request came to: the key of its session, the name for prompts, the region, and the words that renew it.

    ``means`` is the role's ARN; where the credentials are a source's own, a digest of which source and whose they are.
    ``settings`` are those of its profile, as ``environment.settings`` reads them. ``asks`` is ``yes`` where a person may have
    to type an MFA code, for which others wait longer. ``passed`` says that the profile which AWS_PROFILE names is not used.
    Where nothing but asking tells who the source is, ``principal`` is whom the key is for (``Credentials.principal``),
    ``question`` the name of what was asked, and ``process`` where it stands what to run, if that is a process. ``partial`` is
    ``yes`` where the request was remembered without all that was typed.
    """

    __slots__ = (
        "asks",
        "key",
        "means",
        "partial",
        "passed",
        "principal",
        "process",
        "question",
        "region",
        "renew",
        "role",
        "settings",
    )

    def __init__(
        self, key: str = "", role: str = "", region: str = "", renew: str = "", asks: str = ""
    ) -> None:
        self.key = key
        self.role = role
        self.region = region
        self.renew = renew
        self.asks = asks
        self.means = self.partial = self.passed = self.principal = ""
        self.process = self.question = self.settings = ""

    @property
    def role_arn(self) -> str:
        """The role that the session must be of; ``""`` for none."""
        return self.means if self.means.startswith("arn:") else ""


def fingerprint(argv: list[str], environ: dict[str, str]) -> str:
    """Give a digest of everything outside the files that could lead to another answer, and of this program.

    Give it the environment as if cleared. COMMAND is no part of it: what is behind ``--`` is taken as it stands each time.
    """
    words = head(argv)
    # How many words there are behind it matters only for none.
    lines = [state(_PROGRAM), *words, str(min(len(argv) - len(words), 2)), ""]
    for name in sorted(environ):
        if name in DECIDING or name.startswith(_ENDPOINT):
            lines.append(f"{name}={environ[name]}")
        elif name in SECRETS:
            lines.append(f"{name} {'set' if environ[name] else 'empty'}")
    if hasattr(os, "uname"):
        lines.append(f"{os.getuid()} {os.geteuid()} {os.uname().nodename}")
        if "HOME" not in environ:
            lines.append(_home())
    # Names and files are read in it.
    lines.append(sys.getfilesystemencoding())
    # Each with its length, so that no two lists of texts come out alike.
    text = "".join([f"{len(line)}:{line}," for line in lines])
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_MARK_BYTES).hexdigest()


def head(argv: list[str]) -> list[str]:
    """Give the words in front of ``--``, or all."""
    return argv[: argv.index("--")] if "--" in argv else argv


def _home() -> str:
    """Name the user's home as the system knows it, which counts where no variable says it."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def state(path: str) -> str:
    """Say how a file stands: a text that changes when the file does.

    The change time is in it, since anybody can set the modification time back; and the device, since a symlink in the
    path may come to lead elsewhere.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{status.st_mtime_ns} {status.st_ctime_ns} {status.st_size} {status.st_ino} {status.st_dev}"


def current_directory() -> str:
    """Name the current directory; ``""`` when it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def find(cache: str, mark: str, argv: list[str]) -> tuple[Request, Target] | None:
    """Give what these circumstances (``fingerprint``) came to, or ``None``.

    Raises private.UntrustedError, and errors.Failure where files are sealed and no key can be had.
    """
    pairs = record.read(cache, FOLDER, mark)
    if not pairs:
        return None
    target = Target()
    asked: list[tuple[str, str]] = []
    for name, text in pairs:
        kind, _, rest = name.partition(" ")
        if kind == "request":
            asked.append((rest, text))
        elif kind == "target" and rest in Target.__slots__:
            setattr(target, rest, text)
        elif kind == "cwd":
            if current_directory() != text:
                return None
        elif (state(rest) if kind == "file" else state_of(rest)) != text:
            return None
    try:
        request = Request.from_pairs(asked)
        if request.mode == "exec":
            request.command = tuple(argv[argv.index("--") + 1 :])
        if REFERENCE in target.renew:
            target.renew = _resolved(target.renew, argv)
    except (ValueError, IndexError):
        return None
    return request, target


def state_of(modules: str) -> str:
    """Say how the files of modules stand, as ``state`` does: in one number, since there are many."""
    found = 0
    for name in modules.split(" "):
        try:
            status = os.stat(f"{_PROGRAM}/{name}.py")
        except OSError:
            continue
        found = hash((found, status.st_ctime_ns, status.st_size, status.st_ino))
    return str(found)


def _resolved(renew: str, argv: list[str]) -> str:
    words = renew.split(" ")
    for place, word in enumerate(words):
        if word.startswith(REFERENCE):
            _, index, start = word.split(REFERENCE)
            words[place] = environment.encode(argv[int(index)][int(start) :])
    return " ".join(words)


def name_of(mark: str) -> str:
    """Name the file of what is known by a fingerprint."""
    return mark
