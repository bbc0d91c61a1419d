"""The fake AWS whole: a world, a server in front of it, a log of calls and the faults to come."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from . import control
from .calls import Call, CallLog
from .faults import Fault, Faults, Kind
from .server import Server
from .world import ACCOUNT, World

if TYPE_CHECKING:
    from types import TracebackType

    from .http import Request, Response
    from .model import Keys


class FakeAws(World):
    """An AWS of this machine's own, in a thread of this process.

    >>> with FakeAws() as aws:
    ...     bob = aws.add_user("Bob", allow=["sts:AssumeRole"])
    ...     role = aws.add_role("example-role", trust=bob)
    ...     aws.fault("throttle", "AssumeRole", times=2)
    ...     subprocess.run([...], env={**os.environ, **aws.environ(bob)})
    ...     assert len(aws.calls("AssumeRole", RoleArn=role.arn)) == 3
    """

    def __init__(
        self, account: str = ACCOUNT, port: int = 0, *, certificate: str | None = None
    ) -> None:
        """Make an AWS with one empty account; it answers once started, or entered as a context.

        With a certificate, the path of a PEM file that holds its key too, it speaks HTTPS.
        """
        self.log = CallLog()
        self.faults = Faults()
        super().__init__(account)
        self._server = Server(self, port, certificate)
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"

    def empty(self) -> None:
        """Forget everything: what the world holds, its settings, the log and the faults."""
        super().empty()
        self.log.clear()
        self.faults.clear()

    def start(self) -> Self:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop answering, and let go of the connections that a fault keeps."""
        self._server.closing.set()
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def calls(self, action: str | None = None, **wanted: str) -> list[Call]:
        """Return the calls so far: of one action, and with these parameters or attributes."""
        return self.log.calls(action, **wanted)

    def fault(
        self,
        kind: Kind,
        action: str = "*",
        *,
        times: int | None = None,
        **detail: Any,  # noqa: ANN401
    ) -> None:
        """Let the next `times` answers to an action, or all, go wrong; `detail`: see `Fault`."""
        self.faults.add(Fault(kind, action, times, **detail))

    def wait_for(
        self, action: str | None = None, count: int = 1, *, seconds: float = 60
    ) -> list[Call]:
        """Return the calls of an action once there are so many: for what is to happen meanwhile."""
        return self.log.wait_for(action, count, seconds)

    def release(self) -> None:
        """Let the answers go that the fault `hold` keeps, now and until the next such fault."""
        self.faults.released.set()

    def clear_faults(self) -> None:
        """Let nothing go wrong any more, and let go what is on hold."""
        self.faults.clear()

    def environ(
        self, keys: Keys | None = None, *, region: str | None = "us-east-1"
    ) -> dict[str, str]:
        """Return the variables that send an AWS SDK here, with these keys if any."""
        variables = {"AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true"}
        if region:
            variables |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        return variables | (keys.environ if keys else {})

    @property
    def container_environ(self) -> dict[str, str]:
        """The variables of a container that finds its credentials here."""
        variables = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/container/credentials"}
        if self.metadata.container_token is not None:
            variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = self.metadata.container_token
        return variables

    @property
    def instance_environ(self) -> dict[str, str]:
        """The variables of an instance that finds its credentials here."""
        return {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url}

    def control(self, request: Request) -> Response:
        """Answer a request to `/_fake/`, by which other processes see and change this AWS."""
        return control.answer(self, request)
