"""--list: the profiles and live sessions, the last used first."""

import time
from typing import Any

from awsassume import display, inventory
from awsassume.config import Config
from awsassume.credentials import timestamp
from awsassume.display import Cell, Text
from awsassume.inventory import Entry
from awsassume.program import Program
from awsassume.request import Request

_BAR = 8
_LITTLE, _SOON = 5 * 60, 15 * 60
_HEADINGS = ("NAME", "ACCOUNT", "ROLE", "SOURCE", "MFA", "REGION", "LEFT", "PROBLEM")


def run(program: Program, request: Request) -> int:
    """List what there is to become, for a person or as JSON. Raises ConfigurationFailure."""
    config = Config(program.past)
    now = time.time()
    found = [
        entry
        for entry in inventory.entries(config, program.cache, now)
        if entry.kind == inventory.PROFILE or entry.expiration
    ]
    if request.json:
        display.show_json(program, [_fields(entry, now) for entry in found])
    elif found:
        rich = display.is_rich(program)
        display.show_table(program, _HEADINGS, [_row(entry, now, rich=rich) for entry in found])
    else:
        program.warn(f"no profile of {config.config_file} names credentials or a role")
    return 0


def _row(entry: Entry, now: float, *, rich: bool) -> tuple[Cell, ...]:
    serial = entry.mfa_serial
    return (
        Text(entry.name, "bold" if entry.expiration else ""),
        entry.account,
        entry.role,
        " ← ".join(entry.chain) if len(entry.chain) > 1 else entry.source,
        serial.rpartition("/")[2],
        entry.region,
        bar(entry, now, rich=rich) if entry.expiration else "",
        Text(entry.problem, "red"),
    )


def bar(entry: Entry, now: float, *, rich: bool) -> Text:
    """Draw how much of a session's life is left, and the minutes."""
    left = entry.remaining(now)
    filled = min(_BAR, -int(-left * _BAR // max(1, entry.expiration - entry.issued)))
    full, empty = ("━", "╌") if rich else ("#", "-")
    style = "red" if left < _LITTLE else "yellow" if left < _SOON else "green"
    return Text(f"{full * filled}{empty * (_BAR - filled)} {minutes(left)}", style)


def minutes(seconds: float) -> str:
    """Say a time left as a person would: minutes, and hours where there are."""
    whole = int(seconds // 60)
    return f"{whole // 60}h{whole % 60:02}m" if whole >= 60 else f"{whole}m"  # noqa: PLR2004  # minutes an hour


def _fields(entry: Entry, now: float) -> dict[str, Any]:
    return {
        "Name": entry.name,
        "Kind": entry.kind,
        "Account": entry.account or None,
        "RoleArn": entry.role_arn or None,
        "Role": entry.role or None,
        "Source": entry.source or None,
        "Chain": list(entry.chain),
        "MfaSerial": entry.mfa_serial or None,
        "Region": entry.region or None,
        "LastUsed": timestamp(int(entry.used)) if entry.used else None,
        "Expiration": timestamp(entry.expiration) if entry.expiration else None,
        "SecondsLeft": int(entry.remaining(now)) if entry.expiration else None,
        "Problem": entry.problem or None,
    }
