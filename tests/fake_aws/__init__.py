"""An AWS of the tests' own, on a loopback port: STS, IAM, single sign-on and metadata as the real ones behave."""

from .aws import FakeAws
from .calls import Call
from .control import Remote
from .faults import Fault
from .model import Keys, MfaDevice, Role, User

__all__ = ["Call", "FakeAws", "Fault", "Keys", "MfaDevice", "Remote", "Role", "User"]
