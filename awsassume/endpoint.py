"""The endpoint that gives credentials to those who show the token, on 127.0.0.1 alone."""

import json
import secrets
import socket
import threading

from awsassume import loopback, person
from awsassume.credentials import timestamp
from awsassume.errors import Failure, RefusedFailure
from awsassume.renewal import Keeper

PATH = "/credentials"


class Endpoint(loopback.Server):
    """A server on a socket that listens already; ``start`` makes it answer, in threads of its own."""

    def __init__(self, listener: socket.socket, token: str, keeper: Keeper) -> None:
        super().__init__(listener, _Handler)
        self.token = token
        self.keeper = keeper
        self.hosts = {f"{loopback.ADDRESS}:{self.port}", f"localhost:{self.port}"}

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, path: str, host: str, token: str) -> tuple[int, dict[str, str]]:
        """Give the status and the JSON for a request: its path, its Host and its Authorization."""
        # A page in a browser that had its name pointed at us says that name.
        if host not in self.hosts:
            return 403, _error("Forbidden", "this is no host of ours")
        if not secrets.compare_digest(token.encode(errors="replace"), self.token.encode()):
            return 401, _error("Unauthorized", "the token is missing or wrong")
        if path != PATH:
            return 404, _error("NotFound", "there are credentials only")
        try:
            credentials = self.keeper.current()
        except Failure as failure:
            # SDKs try a 500 again, which helps where AWS was out of reach, and give up at a 400.
            passing = isinstance(failure, RefusedFailure) and not failure.code
            # An SDK shows it to a person.
            says = person.plain("; ".join(filter(None, (failure.message, failure.hint))), " ")
            return (500 if passing else 400), _error("NoCredentials", says)
        found = {
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "Token": credentials.session_token or "",
            "Expiration": timestamp(credentials.expiration or 0),
        }
        if credentials.account_id:
            found["AccountId"] = credentials.account_id
        return 200, found


def _error(code: str, message: str) -> dict[str, str]:
    return {"Code": code, "Message": message, "code": code, "message": message}


class _Handler(loopback.Handler):
    server: Endpoint
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer."""
        # Twice the same header is nobody's SDK.
        hosts = self.headers.get_all("Host") or [""]
        host = hosts[0] if len(hosts) == 1 else ""
        status, found = self.server.answer(self.path, host, self.headers.get("Authorization") or "")
        self.give(status, "application/json", json.dumps(found).encode())
