"""The log of what the fake AWS was asked."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Call:
    """One request that arrived, whether or not it was answered."""

    action: str
    parameters: dict[str, str]
    access_key_id: str | None
    service: str | None
    region: str | None
    user_agent: str
    time: float
    """When it arrived, in seconds since the epoch."""
    method: str = "POST"
    path: str = "/"
    caller_arn: str | None = None
    outcome: str = ""
    """`ok`, AWS's error code, or the fault that it met; empty while not yet answered."""

    def __getitem__(self, name: str) -> str:
        """Return a parameter."""
        return self.parameters[name]

    def get(self, name: str) -> str | None:
        """Return a parameter, or None where it was not sent."""
        return self.parameters.get(name)

    def as_dict(self) -> dict[str, Any]:
        """Return the call as JSON can hold it."""
        return asdict(self)


@dataclass
class CallLog:
    """A log of calls that many threads write to."""

    _calls: list[Call] = field(default_factory=list)
    _lock: threading.Condition = field(default_factory=threading.Condition)

    def add(self, call: Call) -> Call:
        """Remember a call."""
        with self._lock:
            self._calls.append(call)
            self._lock.notify_all()
        return call

    def calls(self, action: str | None = None, **wanted: str) -> list[Call]:
        """Return the calls so far, in order: of an action, with these parameters or attributes."""
        with self._lock:
            calls = list(self._calls)
        return [
            call
            for call in calls
            if action in {None, call.action}
            and all(
                getattr(call, name) == value if hasattr(call, name) else call.get(name) == value
                for name, value in wanted.items()
            )
        ]

    def wait_for(self, action: str | None, count: int, seconds: float) -> list[Call]:
        """Return an action's calls once there are so many; TimeoutError if that takes longer."""
        with self._lock:
            if not self._lock.wait_for(lambda: len(self.calls(action)) >= count, seconds):
                found = [call.action for call in self._calls]
                raise TimeoutError(
                    f"waited for {count} calls of {action or 'any action'}, saw {found}"
                )
            return self.calls(action)

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()
