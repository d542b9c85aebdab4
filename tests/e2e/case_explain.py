# SPDX-License-Identifier: BSD-2-Clause
"""gustctl explain: what it says of a packet's way is true, its reasons are the
right ones, and what it advises helps."""
import os
import shlex
import socket
import threading
import time

import nssock
from rig import SOME, STACK, WORLD, case, check, equal, until

ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33
UDP_SEGMENT = 103
OUTGOING = 4  # sll_pkttype


class Sniffer(threading.Thread):
    """The longest IP packet that a device sends and receives, as tcpdump sees it."""

    def __init__(self, ns, dev):
        super().__init__(daemon=True)
        self.sock = nssock.make(ns, socket.AF_PACKET, socket.SOCK_DGRAM,
                                socket.htons(ETH_P_ALL), timeout=0.1)
        self.sock.bind((dev, ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        self.sent = self.received = 0
        self.stopping = False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stopping = True  # when what waits has been read
        self.join()
        self.sock.close()

    def run(self):
        buf = bytearray(64)
        while True:
            try:
                n, _, _, addr = self.sock.recvmsg_into([buf], 0, socket.MSG_TRUNC)
            except (TimeoutError, BlockingIOError):
                if self.stopping:
                    return
                continue
            if addr[2] == OUTGOING:
                self.sent = max(self.sent, n)
            else:
                self.received = max(self.received, n)


def explain(rig, *args):
    return rig.gust.ctl("explain", *args)


def hops(o, direction):
    return next(d["hops"] for d in o["directions"] if d["name"] == direction)


def hop(o, direction, name, nth=0):
    return [h for h in hops(o, direction) if h["name"] == name][nth]


def cuts(o):
    return [(d["name"], h["name"], h["why"]) for d in o["directions"] for h in d["hops"]
            if h["cut"] is not None]


def carried(rig, fam, n=48 << 20):
    """Move data both ways between the inside and the world: longest packets
    (from the kernel, to the kernel)."""
    a, b = rig.pair(fam, world=True)
    with Sniffer(rig.I, "gust0") as s:
        nssock.transfer(a, b, n // 2)
        nssock.transfer(b, a, n)
    a.close()
    b.close()
    return s.sent, s.received


def matches(what, seen, hop, mss=1448):
    """Nothing is larger than was said, and it is no idle bound."""
    said = hop["largest"]
    check(seen <= said, f"{what}: {seen} bytes were seen, at most {said} were said")
    # a window may end a superpacket early; above 64 KB few are full
    low = said - 2 * mss if said <= 65535 else 65536
    if said > 2 * mss:
        check(seen >= low, f"{what}: {seen} bytes at most were seen, {said} were said")
    else:
        equal(seen, said, what)


def advice(rig, h):
    """Do what the hop advises, word by word, as one would on the host."""
    rig.lab.run(rig.H, *shlex.split(h["avoid"]))


def true_sizes(rig, fam):
    o = explain(rig, WORLD[fam], "tcp", "80")
    sent, received = carried(rig, fam)
    matches(f"IPv{fam} from the kernel", sent, hop(o, "out", "gust0"))
    matches(f"IPv{fam} to the kernel", received, hop(o, "back", "gust0"))
    return o, sent, received


@case("tun1", plain=False, timeout=120)
def test_explain_sizes(rig):
    """The largest packet that is announced is the largest that travels: as
    negotiated, with tso off, with gro off, without BIG TCP, at another MTU."""
    for fam in (4, 6):
        o, sent, received = true_sizes(rig, fam)
        check(o["through"], "through gust")
        equal(cuts(o), [], "cuts")
        rig.note(f"IPv{fam} {sent}, {received}")

    rig.inside("ethtool", "-K", "gust0", "tso", "off")
    until(lambda: cuts(explain(rig, WORLD[4])), 3, "tso off in explain")
    time.sleep(0.3)
    o, sent, _ = true_sizes(rig, 4)
    h = hop(o, "out", "gust0")
    equal((h["cut"], h["why"], sent), (1500, "administrator", 1500), "with tso off")
    check("tx-tcp-segmentation" in h["why_text"], h["why_text"])
    check(h["avoid"].endswith("ethtool -K gust0 tso on"), h["avoid"])
    advice(rig, h)
    until(lambda: not cuts(explain(rig, WORLD[4])), 3, "the advice to help")

    rig.inside("ethtool", "-K", "gust0", "gro", "off")
    until(lambda: cuts(explain(rig, WORLD[6])), 3, "gro off in explain")
    o, _, received = true_sizes(rig, 6)
    h = hop(o, "back", "egress")
    equal((h["cut"], h["why"], received), (1500, "administrator", 1500), "with gro off")
    check(h["avoid"].endswith("ethtool -K gust0 gro on"), h["avoid"])
    advice(rig, h)
    until(lambda: not cuts(explain(rig, WORLD[6])), 3, "the advice to help")

    rig.inside("ip", "link", "set", "gust0", "gro_max_size", "65536")
    until(lambda: hop(explain(rig, WORLD[6]), "back", "stack")["why"] == "size", 5,
          "gro_max_size in explain")
    o, _, received = true_sizes(rig, 6)
    check(received <= 65536, f"{received} bytes with gro_max_size 65536")
    advice(rig, hop(o, "back", "stack"))
    until(lambda: hop(explain(rig, WORLD[6]), "back", "stack")["why"] is None, 5,
          "the advice to help")

    rig.inside("ip", "link", "set", "gust0", "mtu", "9000")
    until(lambda: rig.status()["interface"]["mtu"] == 9000, 3, "the MTU")
    true_sizes(rig, 4)


@case(*SOME, plain=False)
def test_explain_destinations(rig):
    """What the stack does with an address, and what never comes to it."""
    for fam in (4, 6):
        o = explain(rig, STACK[fam], "tcp", "80")
        lo = "127.0.0.1" if fam == 4 else "::1"
        check(lo in hop(o, "out", "stack")["text"], hop(o, "out", "stack")["text"])
        check("dev lo" in hop(o, "out", "route", 1)["text"], "the host's loopback")
        equal(cuts(o), [], "cuts")
        a, b = rig.pair(fam)
        equal(b.getpeername()[0], lo, "the host's side of the connection")
        a.close()
        b.close()
        o = explain(rig, WORLD[fam])
        equal(hop(o, "out", "w0")["kind"], "device", "the way out")
        check("dev w0 src" in hop(o, "out", "route", 1)["text"], "the host's route")
        o = explain(rig, STACK[fam], "icmp")
        equal(hops(o, "out")[-1]["name"], "stack", "echo requests end")

    rig.inside("ip", "link", "add", "x0", "type", "veth", "peer", "name", "x1")
    rig.inside("ip", "addr", "add", "203.0.113.1/24", "dev", "x0")
    rig.inside("ip", "link", "set", "x0", "up")
    rig.inside("ip", "route", "add", "unreachable", "192.0.2.0/24")
    try:
        o = explain(rig, "203.0.113.7", "udp", "53")
        check(not o["through"], "203.0.113.7 does not come to gust")
        equal([h["why_text"] for h in hops(o, "out")],
              ["does not come to gust: leaves by x0"], "the reason")
        o = explain(rig, "192.0.2.9")
        equal([h["why"] for h in hops(o, "out")], ["no route"], "an unreachable route")
    finally:
        rig.inside("ip", "link", "del", "x0")
        rig.inside("ip", "route", "del", "unreachable", "192.0.2.0/24")
    o = explain(rig, "169.254.3.3")
    equal(hops(o, "out")[-1]["why"], "ends at the stack", "link-local")
    o = explain(rig, "203.0.113.7")
    equal(hops(o, "out")[-1]["why"], "no route", "the host has no way there")


@case("tun1", plain=False)
def test_explain_host(rig):
    """The device behind the host: its features decide where it is cut."""
    h = hop(explain(rig, WORLD[4]), "out", "w0")
    equal((h["cut"], h["carried_by"]), (None, "tx-tcp-segmentation"), "w0")
    rig.lab.run(rig.H, "ethtool", "-K", "w0", "tso", "off")
    h = hop(explain(rig, WORLD[4]), "out", "w0")
    equal((h["cut"], h["why"]), (1500, "administrator"), "w0 without tso")
    a, b = rig.pair(4, world=True)
    with Sniffer(rig.W, "h0") as s:
        nssock.transfer(a, b, 8 << 20)
    equal(s.received, 1500, "the longest packet in the world")
    advice(rig, h)
    h = hop(explain(rig, WORLD[4]), "out", "w0")
    equal(h["cut"], None, "w0 with tso")
    with Sniffer(rig.W, "h0") as s:
        nssock.transfer(a, b, 8 << 20)
    matches("the longest packet in the world", s.received, h)


@case(*SOME, plain=False)
def test_explain_udp(rig):
    """UDP_SEGMENT superpackets, and USO off."""
    e = rig.echo(4, world=True)
    s = rig.keep(nssock.udp(rig.I, to=(WORLD[4], e.port)))
    said = hop(explain(rig, WORLD[4], "udp", str(e.port)), "out", "gust0")
    equal(said["carried_by"], "tx-udp-segmentation", "what carries UDP superpackets")
    with Sniffer(rig.I, "gust0") as sn:
        s.sendmsg([bytes(44 * 1472)],
                  [(socket.IPPROTO_UDP, UDP_SEGMENT, (1472).to_bytes(2, "little"))])
        s.recv(2000)
    equal(sn.sent, said["largest"], "a full UDP superpacket")
    rig.inside("ethtool", "-K", "gust0", "tx-udp-segmentation", "off")
    until(lambda: cuts(explain(rig, WORLD[4], "udp")), 3, "USO off in explain")
    h = hop(explain(rig, WORLD[4], "udp"), "out", "gust0")
    equal((h["cut"], h["why"]), (1500, "administrator"), "with USO off")
    equal(cuts(explain(rig, WORLD[4], "tcp")), [], "TCP does not care")
    advice(rig, h)
    until(lambda: not cuts(explain(rig, WORLD[4], "udp")), 3, "the advice to help")


@case("tun1", plain=False, light=True,
      conf={"rest": 'publish = {"tcp 0.0.0.0:8080 10.111.0.1:80"}\n'})
def test_explain_publish(rig):
    """A published port is the way to an address of the inside itself."""
    o = explain(rig, "10.111.0.1", "tcp", "80")
    check(o["through"], "through gust")
    equal([d["name"] for d in o["directions"]], ["back", "out"], "directions")
    check("0.0.0.0:8080" in hops(o, "back")[0]["text"], hops(o, "back")[0]["text"])
    o = explain(rig, "10.111.0.1", "tcp", "81")
    check(not o["through"], "another port")


@case("tun1", plain=False, light=True)
def test_explain_command(rig):
    """The drawing, names, and wrong questions."""
    def gustctl(*args):
        return rig.lab.run(rig.H, os.path.join(rig.gust.build, "gustctl"), "-s", rig.gust.sock,
                           "explain", *args, check=False)
    r = gustctl(WORLD[4], "tcp", "80")
    equal(r.returncode, 0, "exit status")
    for part in ("From the inside to", "To the inside, from", "gust0", "w0", "packets up to"):
        check(part in r.stdout, f"{part!r} in:\n{r.stdout}")
    equal(gustctl("localhost", "80").returncode, 0, "a name of /etc/hosts")
    for args, status, text in (((), 2, "usage"), (("no-such-host.invalid",), 1, "no-such-host"),
                               ((WORLD[4], "sctp", "1"), 2, "expected tcp, udp or icmp"),
                               ((WORLD[4], "tcp", "0"), 2, "1 to 65535"),
                               ((WORLD[4], "tcp", "70000"), 2, "1 to 65535"),
                               ((WORLD[4], "tcp", "no-such-service"), 2, "no tcp service"),
                               ((WORLD[4], "icmp", "80"), 1, "ICMP has none"),
                               ((WORLD[4], "tcp", "1", "2"), 2, "usage")):
        r = gustctl(*args)
        equal(r.returncode, status, f"exit status of explain {args}")
        check(text in r.stdout, f"{text!r} in: {r.stdout}")
