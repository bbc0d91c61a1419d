"""AWS credentials as one value: what they are, until when, and their JSON."""

import time


def timestamp(epoch_seconds: int) -> str:
    """Write an instant as every SDK reads it: ``2030-01-01T00:00:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_seconds))


class Credentials:
    """Three keys, when they end, and the account they belong to.

    ``expiration`` is in epoch seconds; ``None`` for long-term keys. ``session_token`` is ``None`` for long-term keys.
    The secrets are in no repr. Raises ValueError for values that no AWS service gives: empty, not ASCII, or with blanks or
    control characters in them.
    """

    __slots__ = ("access_key_id", "account_id", "expiration", "secret_access_key", "session_token")

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
        expiration: int | None = None,
        account_id: str | None = None,
    ) -> None:
        for name, value in (
            ("access key id", access_key_id),
            ("secret access key", secret_access_key),
            ("session token", session_token),
        ):
            if value is None and name == "session token":
                continue
            # Somebody's JSON may hold what is no text.
            if (
                not isinstance(value, str)
                or not value
                or not value.isascii()
                or not value.isprintable()
                or " " in value
            ):
                msg = f"the {name} is not one that AWS gives"
                raise ValueError(msg)
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token
        self.expiration = expiration
        self.account_id = account_id

    def __repr__(self) -> str:
        """Show which these are, and nothing that would let anybody use them."""
        until = "for good" if self.expiration is None else f"until {timestamp(self.expiration)}"
        return f"<Credentials {self.access_key_id[:4]}…{self.access_key_id[-4:]} {until}>"

    @property
    def principal(self) -> str:
        """Say whose these are, without a secret: the access key id, and whether a session token belongs to it."""
        return f"{self.access_key_id} {'long-term' if self.session_token is None else 'temporary'}"

    def process_json(self) -> str:
        """Give the JSON of a credential_process, version 1.

        https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
        """
        fields = [("AccessKeyId", self.access_key_id), ("SecretAccessKey", self.secret_access_key)]
        if self.session_token is not None:
            fields.append(("SessionToken", self.session_token))
        if self.expiration is not None:
            fields.append(("Expiration", timestamp(self.expiration)))
        if self.account_id:
            fields.append(("AccountId", self.account_id))
        # The values are printable ASCII (see __init__), so these two escapes are all that JSON needs.
        texts = [
            f'"{name}": "' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            for name, value in fields
        ]
        return '{"Version": 1, ' + ", ".join(texts) + "}"
