"""Whose the processes are that connect to a server on 127.0.0.1.

Linux lists every connection from both its ends, with the user whose socket the end is: proc(5), /proc/net/tcp. Other systems
tell such things to the superuser alone; there a server must ask for something that only its own user can know.
"""

import os
import sys
from collections.abc import Collection
from typing import NamedTuple

Address = tuple[str, int]

_V4, _V6 = "/proc/net/tcp", "/proc/net/tcp6"
_ESTABLISHED = "01"


class _End(NamedTuple):
    state: str
    user: int


def is_told() -> bool:
    """Tell whether this system says whose a connection is, be the browser where it may."""
    return hasattr(os, "geteuid") and os.access(_V4, os.R_OK)


def own(clients: Collection[Address], server: Address) -> set[Address] | None:
    """Give the clients of this server whose end is a socket of this very user; ``None`` where the system does not tell.

    It is one established connection between both whole addresses, or it is nobody's: a port alone is used by many
    connections at once, and what is closed is listed as the superuser's, whoever had it. The table is read once for all.
    """
    if not is_told():
        return None
    try:
        found = _ends(clients, server)
    except OSError:
        # What can be told, and is not at this moment (too many files are open), is not believed.
        return set()
    mine = [_End(_ESTABLISHED, os.geteuid())]
    taken = {client for client in clients if found[client] == mine}
    if _is_wsl():
        # A browser of Windows comes through a relay, which is the superuser's or is not listed.
        taken |= {client for client in clients if found[client] in ([], [_End(_ESTABLISHED, 0)])}
    return taken


def _ends(clients: Collection[Address], server: Address) -> dict[Address, list[_End]]:
    """Give what the tables list of each client's end: more than one line is one too many.

    Raises OSError.
    """
    found: dict[Address, list[_End]] = {client: [] for client in clients}
    # A socket that speaks IPv6 as well has its IPv4 addresses mapped (RFC 4291, 2.5.5.2).
    wanted = {
        (write(client), write(server)): client
        for client in clients
        for write in (_hexadecimal, _mapped)
    }
    for table in (_V4, _V6):
        if table == _V6 and not os.access(table, os.R_OK):
            # A system without IPv6.
            continue
        with open(table, encoding="ascii") as lines:
            rows = [line.split(None, 8)[1:8] for line in lines][1:]
        for local, remote, state, _, _, _, user in rows:
            client = wanted.get((local, remote))
            if client:
                found[client].append(_End(state, int(user)))
    return found


def _hexadecimal(address: Address) -> str:
    """Write an IPv4 address as the tables do: a number in the machine's own order of bytes, and the port."""
    number = bytes(int(part) for part in address[0].split("."))
    return f"{int.from_bytes(number, sys.byteorder):08X}:{address[1]:04X}"


def _mapped(address: Address) -> str:
    marker = int.from_bytes(b"\x00\x00\xff\xff", sys.byteorder)
    return f"{0:016X}{marker:08X}{_hexadecimal(address)}"


def _is_wsl() -> bool:
    return "microsoft" in os.uname().release.lower()
