"""Attacks by network: the host, the machines around it, the internet."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing, suppress

from envgym.errors import UsageError
from envgym.sandboxes.base import Sandbox
from envgym.sandboxes.outcome import Outcome, Result
from envgym.sandboxes.suites.assertions import require
from envgym.sandboxes.suites.attack_context import AttackContext
from envgym.sandboxes.suites.attacks.attack import Attack, program, scene

DENIED, OK = Outcome.DENIED, Outcome.OK

_CONNECTS = """
def connects(*address, family=socket.AF_INET):
    with socket.socket(family) as client:
        client.connect(address[0] if family == socket.AF_UNIX else address)
        return "connected"
"""


def _network(id: str, number: int | None, title: str, code: str) -> Attack:
    return program(id, number, title, _CONNECTS + code, OK, DENIED, says=())


ATTACKS: list[Attack] = [
    _network(
        "host_tcp",
        33,
        "connects to a server of the host, over every address it has",
        """
for address in ("127.0.0.1", "127.1.2.3", "0.0.0.0", *HOST["addresses"]):
    tries(address, lambda: connects(address, HOST["port"]))
""",
    ),
    _network(
        "host_tcp6",
        33,
        "connects to a server of the host over IPv6",
        """
for address in ("::1", "::", *("::ffff:" + a for a in ["127.0.0.1", *HOST["addresses"]])):
    tries(address, lambda: connects(address, HOST["port"], family=socket.AF_INET6))
""",
    ),
    _network(
        "host_udp",
        33,
        "sends datagrams to the host",
        """
for address in ("127.0.0.1", *HOST["addresses"]):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", (address, HOST["udp_port"]))
    except OSError as error: safe(address, error)
""",
    ),
    _network(
        "gateway",
        33,
        "finds the way out, and connects to whoever keeps it",
        """
gateways = []
try: routes = open("/proc/net/route").read().splitlines()[1:]
except OSError: routes = []
for route in routes:
    gateways.append(socket.inet_ntoa(bytes.fromhex(route.split()[2])[::-1]))
(leak if gateways else safe)("routes", routes)
for address in ("172.17.0.1", "192.168.65.2", "10.0.2.2", *gateways):
    tries(address, lambda: connects(address, HOST["port"]))
""",
    ),
    _network(
        "metadata_service",
        33,
        "asks the cloud for its keys",
        """
for address in ("169.254.169.254", "100.100.100.200", "169.254.170.2"):
    tries(address, lambda: connects(address, 80))
""",
    ),
    _network(
        "names",
        33,
        "looks a name up, and asks name servers itself",
        """
def asks(server):
    query = bytes.fromhex("abcd01000001000000000000076578616d706c6503636f6d0000010001")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(query, (server, 53))
        return client.recv(512)
for server in ("8.8.8.8", "1.1.1.1", "127.0.0.53", "127.0.0.11", *HOST["addresses"]):
    tries(server, lambda: asks(server))
    tries("TCP " + server, lambda: connects(server, 53))
""",
    ),
    _network(
        "sockets_of_daemons",
        33,
        "talks to the daemons of the host: docker, containerd, the bus",
        """
for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock",
             "/run/podman/podman.sock", "/run/dbus/system_bus_socket", "/run/systemd/private",
             "/run/systemd/notify", "/run/snapd.socket", "/run/udev/control", "/tmp/.X11-unix/X0",
             "/run/user/0/bus", "/run/user/1000/bus", "/dev/log", HOST["unix"]):
    tries(path, lambda: connects(path, family=socket.AF_UNIX))
""",
    ),
    _network(
        "abstract_socket",
        32,
        "connects to a socket of the host that has no file",
        """
tries("the host's", lambda: connects("\\0" + HOST["abstract"], family=socket.AF_UNIX))
try: names = [line.split()[7] for line in open("/proc/net/unix") if "@" in line]
except OSError: names = []
for name in names[:50]:
    tries(name, lambda: connects(name.replace("@", "\\0"), family=socket.AF_UNIX))
""",
    ),
    _network(
        "netlink",
        32,
        "asks the kernel for the host's network interfaces",
        """
try: names = [name for _, name in socket.if_nameindex()]
except OSError as error: safe("interfaces", error)
else: (leak if set(names) - {"lo", "tunl0", "sit0", "ip6tnl0"} else safe)("interfaces", names)
try: found = [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]]
except OSError: found = []
theirs = [name for name in found if name.startswith(("eth", "en", "wl", "docker"))]
(leak if theirs else safe)("interfaces", found)
""",
    ),
    _network(
        "odd_families",
        32,
        "opens sockets of families that know no namespace, or few use and fewer audit",
        """
FAMILIES = {"VSOCK": 40, "ALG": 38, "PACKET": 17, "KEY": 15, "RDS": 21, "TIPC": 30, "CAN": 29,
            "BLUETOOTH": 31, "X25": 9, "AX25": 3, "NFC": 39, "KCM": 41, "QIPCRTR": 42, "SMC": 43,
            "XDP": 44, "LLC": 26, "PPPOX": 24, "PHONET": 35, "CAIF": 37, "APPLETALK": 5}
for name, number in FAMILIES.items():
    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET)
    for kind in kinds:
        try: socket.socket(number, kind).close()
        except OSError as error: pass
        else:
            leak(name, kind)
            break
    else: safe(name)
for kind, protocol in ((socket.SOCK_RAW, socket.IPPROTO_ICMP), (socket.SOCK_RAW, 255)):
    tries("raw", lambda: socket.socket(socket.AF_INET, kind, protocol))
""",
    ),
    program(
        "own_loopback",
        33,
        "talks to itself over loopback, as test suites do: that must work",
        """
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
client.sendall(b"to myself")
print(server.accept()[0].recv(99).decode())
""",
        OK,
        says=("to myself",),
    ),
]


@scene(ATTACKS, 33, "two boxes serve on the same port", ends="OK, both")
async def same_port(context: AttackContext) -> None:
    port = _free_port()
    code = f"server = socket.create_server(('127.0.0.1', {port}))\nsafe('serves')\ntime.sleep(2)"
    one, other = await context.another(), await context.another()
    await asyncio.gather(*(context.python(code, box=b, says=["SAFE"]) for b in (one, other)))


@scene(ATTACKS, 33, "one box connects to a server in another", ends="refused")
async def from_box_to_box(context: AttackContext) -> None:
    port = _free_port()
    serve = f"""
try:
    server = socket.create_server(("0.0.0.0", {port}))
    hidden = socket.socket(socket.AF_UNIX); hidden.bind("\\0" + HOST["prefix"]); hidden.listen()
except OSError: pass
safe("serves")
open("serving", "w").close()
time.sleep(2)
"""
    reach = f"""
tries("TCP", lambda: socket.create_connection(("127.0.0.1", {port})))
def abstract():
    with socket.socket(socket.AF_UNIX) as client: client.connect("\\0" + HOST["prefix"]); return 1
tries("abstract", abstract)
"""
    one, other = await context.another(), await context.another()
    serving = context.start(context.python(serve, OK, DENIED, box=one))
    await _there(one, "serving", serving)
    await context.python(reach, OK, DENIED, box=other)
    await serving


@scene(ATTACKS, 33, "a box serves on a port of the host", ends="out of reach")
async def serves_to_the_host(context: AttackContext) -> None:
    port = _free_port()
    code = f"""
try: server = socket.create_server(("0.0.0.0", {port}))
except OSError as error: safe("refused", error)
else:
    server.settimeout(1)
    try: leak("somebody came", server.accept())
    except TimeoutError: safe("nobody came")
"""
    serving = context.start(context.python(code, OK, DENIED))
    while not serving.done():
        await asyncio.sleep(0.05)
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 0.2)):
            require(False, "the host reached a server in a box")
    await serving


async def _there(box: Sandbox, name: str, running: asyncio.Task[Result]) -> None:
    """Wait until a program has made a file, or has ended."""
    while not running.done():
        with suppress(UsageError):
            await box.read(name)
            return
        await asyncio.sleep(0.02)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
