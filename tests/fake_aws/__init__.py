"""An AWS of the tests' own, on a loopback port, that behaves as the real one does."""

from .aws import FakeAws
from .calls import Call
from .control import Remote
from .faults import Fault
from .model import Keys, MfaDevice, Role, User

__all__ = ["Call", "FakeAws", "Fault", "Keys", "MfaDevice", "Remote", "Role", "User"]
