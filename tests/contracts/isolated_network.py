"""Runs a command where nothing can leave the machine, and counts what tries to.

    unshare --map-root-user --net --mount python isolated_network.py COMMAND...

The network namespace has a default route to an interface that leads nowhere, and a name server on the
loopback interface, which answers every query with an address behind that route. After the command, the last line of
the output is a JSON object with the counts. If this is not permitted here, the exit code is 3.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

SETUP = """
ip link set lo up
ip link add out type veth peer name nowhere
ip link set out arp off up
ip link set nowhere arp off up
ip address add 192.0.2.2/24 dev out
ip route add default via 192.0.2.1 dev out
ip -6 address add 2001:db8::2/64 dev out nodad
ip -6 route add default via 2001:db8::1 dev out
"""
"""Commands that set up the interfaces: what leaves through "out" arrives at "nowhere", which has no address."""

FILES = {"/etc/resolv.conf": "nameserver 127.0.0.1\n", "/etc/nsswitch.conf": "hosts: files dns\n"}
"""What replaces the files that name the resolver: other services could answer through a socket in a file."""

ANSWER = "203.0.113.1"
"""The address of every name."""

EVERY_PROTOCOL = 3
"""Linux's ETH_P_ALL."""

IPV4, IPV6, ICMP6, TCP = 0x0800, 0x86DD, 58, 6
"""Numbers of protocols."""

NOT_PERMITTED = 3
"""Exit code if the network cannot be set up."""

SYN_AND_ACK, SYN = 0x12, 0x02
"""Flags of TCP: a connection starts with a SYN without an ACK."""


class Counts:
    """What left the machine or would have: `names` were looked up, `packets` went out, `connections` were started."""

    def __init__(self):
        self.names, self.packets, self.connections = [], 0, 0

    def count_packets(self, receiver):
        """Count the packets that a socket sees leaving through the default route."""
        while True:
            content, (interface, protocol, kind, *_) = receiver.recvfrom(1 << 16)
            if interface != "out" or kind != socket.PACKET_OUTGOING or protocol not in (IPV4, IPV6):
                continue
            start = 4 * (content[0] & 15) if protocol == IPV4 else 40
            transport = content[9] if protocol == IPV4 else content[6]
            if protocol == IPV6 and transport in (0, ICMP6):
                continue  # the kernel announces its own address
            self.packets += 1
            self.connections += transport == TCP and content[start + 13] & SYN_AND_ACK == SYN

    def count_queries(self, server):
        """Answer and record the queries of a name server's socket."""
        while True:
            query, client = server.recvfrom(1 << 12)
            name, end = [], 12
            while query[end]:
                name.append(query[end + 1 : end + 1 + query[end]].decode())
                end += 1 + query[end]
            self.names.append(".".join(name))
            (kind,) = struct.unpack_from(">H", query, end + 1)
            answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(ANSWER) if kind == 1 else b""
            header = query[:2] + struct.pack(">HHHHH", 0x8180, 1, bool(answer), 0, 0)
            server.sendto(header + query[12 : end + 5] + answer, client)


def isolate():
    """Set up the interfaces and the resolver's files."""
    for line in SETUP.split("\n"):
        subprocess.run(line.split() or ["true"], check=True)
    folder = Path(tempfile.mkdtemp())
    for place, content in FILES.items():
        if Path(place).exists():
            (folder / "file").write_text(content)
            subprocess.run(["mount", "--bind", folder / "file", os.path.realpath(place)], check=True)
            (folder / "file").rename(folder / Path(place).name)


def main():
    """Run the command of the arguments; print the counts; exit as the command does."""
    try:
        isolate()
    except subprocess.CalledProcessError:
        raise SystemExit(NOT_PERMITTED) from None
    counts = Counts()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    receiver = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(EVERY_PROTOCOL))
    threading.Thread(target=counts.count_queries, args=(server,), daemon=True).start()
    threading.Thread(target=counts.count_packets, args=(receiver,), daemon=True).start()
    done = subprocess.run(sys.argv[1:])
    print(json.dumps(vars(counts)))
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
