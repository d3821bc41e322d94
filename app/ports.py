"""The listening socket, and a clear word where a port is taken."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from pathlib import Path

FIRST_PORT = 8000
PORTS_TRIED = 100
LISTENING = "0A"  # state of a listening socket in /proc/net/tcp


class PortTaken(Exception):
    """The wanted port is in use; the message says by whom and what to do."""


def listening_socket(host: str, port: int | None) -> socket.socket:
    """A bound socket. Without a port the first free one from 8000 on is taken.

    Raises:
        PortTaken: the port that was asked for is in use, or all that were tried are.
        OSError: the address is not this machine's, or may not be used.
    """
    if port is not None:
        try:
            return _bound(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortTaken(_taken(host, port)) from None
    last = FIRST_PORT + PORTS_TRIED - 1
    for candidate in range(FIRST_PORT, last + 1):
        try:
            return _bound(host, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise PortTaken(
        f"every port is taken: got {FIRST_PORT} to {last}; expected one of them free. "
        "Start with --port 0 to take any free port."
    )


def _bound(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere this option lets two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)  # here, so that a taken port is known before anything is loaded
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket, host: str) -> str:
    """The address to open in a browser, with the port that is really listened to."""
    port = listener.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    if ":" in shown and not shown.startswith("["):
        shown = f"[{shown}]"
    return f"http://{shown}:{port}"


def lan_address() -> str | None:
    """This machine's address in its network, or None without one. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # A datagram socket that is connected has looked up its route, and sent no packet.
            probe.connect(("192.0.2.1", 9))
            address: str = probe.getsockname()[0]
        except OSError:
            return None
    return None if ipaddress.ip_address(address).is_loopback else address


def _taken(host: str, port: int) -> str:
    holder = _holder(port)
    by = f", held by {holder}" if holder else ""
    return (
        f"the port is taken: got {port}{by}; expected a free one. "
        f"Open http://{host}:{port} if that is Rhoscope, stop it, or start with --port 0 to take "
        "any free port."
    )


def _holder(port: int) -> str | None:
    """Name and number of the process that listens on `port`, where Linux tells."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port)}
    if not wanted:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(fd) in wanted for fd in (process / "fd").iterdir()):
                name = (process / "comm").read_text().strip()
                return f"{name} (process {process.name})"
        except OSError:  # another user's process, or one that has just ended
            continue
    return None


def _inodes(port: int) -> list[str]:
    inodes = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.append(fields[9])
    return inodes
