# SPDX-License-Identifier: BSD-2-Clause
"""UDP: datagrams keep their edges, superpackets stay whole, errors come back."""
import errno
import json
import os
import random
import socket
import subprocess
import time

import nssock
from nssock import udp
from rig import ALL, EVERY, FAM, PAIR, ROOT, STACK, WORLD, case, check, equal

SOL_UDP, UDP_SEGMENT, UDP_GRO = 17, 103, 104


@case(*EVERY)
def test_udp_echo(rig):
    """Every size, the empty one and the largest included, comes back as it went."""
    rnd = random.Random(3)
    sizes = [0, 1, 2, 7, 8, 511, 512, 1200, 1399, 1400, 1452, 1472, 1473, 2000, 8192, 16384,
             20000, 40000, 65000, 0] + [rnd.randrange(0, 1400) for _ in range(40)]
    for fam in (4, 6):
        for world in (False, True):
            e = rig.echo(fam, world)
            s = rig.keep(udp(rig.I, to=((WORLD if world else STACK)[fam], e.port)))
            top = 65507 if fam == 4 else 65487
            for i, n in enumerate(sizes + [top]):
                d = nssock.pattern(i * 1000, n)
                s.send(d)
                try:
                    got = s.recv(65536)
                except TimeoutError:
                    raise AssertionError(f"no answer to a datagram of {n} bytes over "
                                         f"IPv{fam}") from None
                check(got == d, f"IPv{fam}: a datagram of {n} bytes came back with "
                                f"{len(got)} or other bytes")


@case(*PAIR, light=True)
def test_udp_ports(rig):
    """One mapping a local port: datagrams of one socket to two servers have one
    source outside, and answers find their way back."""
    for fam in (4, 6):
        a, b = rig.echo(fam, True), rig.echo(fam, True)
        s = rig.keep(udp(rig.I, FAM[fam]))
        for e in (a, b, a, b):
            s.sendto(b"to %d" % e.port, (WORLD[fam], e.port))
            data, who = s.recvfrom(100)
            equal((data, who[0], who[1]), (b"to %d" % e.port, WORLD[fam], e.port), "answer")
        if not rig.plain:
            equal({w[:2] for w in a.peers}, {w[:2] for w in b.peers}, "source seen outside")


@case(*PAIR)
def test_udp_many(rig):
    """Many sockets at a time, each with its own answers."""
    n = rig.size(300, 50)
    for fam in (4, 6):
        e = rig.echo(fam)
        socks = [rig.keep(udp(rig.I, to=(STACK[fam], e.port))) for _ in range(n)]
        for i, s in enumerate(socks):
            s.send(b"number %d" % i)
        for i, s in enumerate(socks):
            equal(s.recv(100), b"number %d" % i, "answer")
        check(len(e.peers) == n, f"{len(e.peers)} sources for {n} sockets")


@case(*ALL, light=True)
def test_udp_refused(rig):
    """A closed port outside is ECONNREFUSED inside."""
    for fam in (4, 6):
        for addr in (STACK[fam], WORLD[fam]):
            s = rig.keep(udp(rig.I, to=(addr, 47)))
            s.send(b"anyone?")
            t0 = time.monotonic()
            equal(nssock.errno_of(s.recv, 10), errno.ECONNREFUSED, f"UDP to {addr} port 47")
            check(time.monotonic() - t0 < 1, "the error was late")


@case(*PAIR, plain=False, light=True)
def test_udp_unreachable(rig):
    for fam, net, dst in ((4, "203.0.113.0/25", "203.0.113.5"),
                          (6, "2001:db8:dead::/64", "2001:db8:dead::5")):
        rig.run(rig.H, "ip", f"-{fam}", "route", "replace", "unreachable", net)
        s = rig.keep(udp(rig.I, to=(dst, 53)))
        # (without it the kernel keeps such an error from a datagram socket)
        s.setsockopt(*((socket.IPPROTO_IP, 11) if fam == 4 else (socket.IPPROTO_IPV6, 25)), 1)
        s.send(b"anyone?")
        got = nssock.errno_of(s.recv, 10)
        check(got in (errno.EHOSTUNREACH, errno.ENETUNREACH),
              f"UDP to {dst}: {errno.errorcode.get(got, got)}")


@case(*PAIR, light=True)
def test_udp_zero_length_superpackets(rig):
    """Empty datagrams among full ones keep their places."""
    for fam in (4, 6):
        e = rig.echo(fam)
        s = rig.keep(udp(rig.I, to=(STACK[fam], e.port)))
        want = [b"", b"a" * 1400, b"", b"", b"b", b"", b"c" * 1400, b""]
        for d in want:
            s.send(d)
        equal([s.recv(2000) for _ in want], want, "datagrams")


def send_super(s, data, size):
    s.sendmsg([data], [(SOL_UDP, UDP_SEGMENT, size.to_bytes(2, "little"))])


def recv_all(s, n, seg):
    """N datagrams' worth of UDP_GRO receives: (datagrams, receives, largest)."""
    got, calls, largest = [], 0, 0
    while len(got) < n:
        data, anc, _, _ = s.recvmsg(65536, 64)
        size = len(data)
        for level, kind, v in anc:
            if (level, kind) == (SOL_UDP, UDP_GRO):
                size = int.from_bytes(v[:4], "little")
        calls += 1
        largest = max(largest, len(data))
        check(len(data) <= size or size in seg, f"segment size {size}")
        got += [data[i:i + size] for i in range(0, len(data), size)] or [b""]
    return got, calls, largest


@case(*ALL)
def test_udp_superpackets_exact(rig):
    """UDP_SEGMENT superpackets, both ways, shortest last segment included: the
    datagrams are the same, in order, and most travel together."""
    for fam in (4, 6):
        for flip in (False, True):
            h = rig.keep(udp(rig.H, FAM[fam]))
            i = rig.keep(udp(rig.I, to=(STACK[fam], nssock.port_of(h))))
            i.send(b"hello")
            _, who = h.recvfrom(10)
            h.connect(who)
            tx, rx = (h, i) if flip else (i, h)
            rx.setsockopt(SOL_UDP, UDP_GRO, 1)
            rx.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            supers = 0
            for size, total in ((1200, 1200 * 40), (1300, 1300 * 30 + 17), (100, 6400),
                                (1000, 1001), (1400, 1400 * 45), (1, 60), (900, 900 * 64)):
                d = nssock.pattern(size, total)
                send_super(tx, d, size)
                want = [d[k:k + size] for k in range(0, total, size)]
                got, calls, largest = recv_all(rx, len(want), (size,))
                check(got == want, f"IPv{fam}: {total} bytes in segments of {size} came "
                                   f"as {len(got)} others")
                supers += largest > size
            check(supers >= 5 or rig.plain,
                  f"IPv{fam} {'to' if flip else 'from'} the inside: "
                  f"{supers} of 7 superpackets travelled together")


@case(quick=False)
def test_udp_superpacket_rate(rig):
    """A second of superpackets at a moderate rate, without loss, both ways."""
    tool = os.path.join(ROOT, rig.build, "tests", "bench", "udpgso")
    mbit = "100" if rig.sanitized else "1000"
    rig.lab.start(rig.H, tool, "serve", "5203")
    rig.lab.wait_port(rig.H, 5203, "udp")
    for fam in (4,) if rig.mode == "tun" else (6,):
        rx = rig.lab.start(rig.H, tool, "recv", "5204", "1", stdout=subprocess.PIPE)
        rig.lab.wait_port(rig.H, 5204, "udp")
        tx = json.loads(rig.inside(tool, "send", STACK[fam], "5204", "1", "1300", mbit).stdout)
        got = json.loads(rx.communicate(timeout=20)[0])
        equal((got["lost"], got["datagrams"]), (0, tx["datagrams"]), f"IPv{fam} up")
        check(got["super"] or rig.plain, "no superpacket arrived at the host")
        got = json.loads(rig.inside(tool, "pull", STACK[fam], "5203", "1", "1300",
                                    mbit).stdout.splitlines()[-1])
        equal(got["lost"], 0, f"IPv{fam} down: lost")
        check(got["datagrams"] * 1300 * 8 > int(mbit) * 0.8e6, f"only {got}")
        check(got["super"] or rig.plain, "no superpacket arrived inside")
    if rig.gust:
        r = rig.stats()["total"]["relay"]
        check(r["udp_gso_sends"] and r["udp_gro_receives"], f"relay counters: {r}")


@case("tun2", plain=False, conf={"rest": 'udp { timeout = "1 s"\n timeout_oneway = "1 s"\n'
                                 ' timeout_dns = "1 s" }\n'}, light=True)
def test_udp_timeout(rig):
    """Mappings end after their time, and their descriptors with them."""
    e = rig.echo(4)
    socks = [rig.keep(udp(rig.I, to=(STACK[4], e.port))) for _ in range(50)]
    for s in socks:
        s.send(b"x")
        equal(s.recv(10), b"x", "answer")
    check(rig.status()["flows"]["udp"] >= 50, "the mappings are not counted")
    t0 = time.monotonic()
    while rig.status()["flows"]["udp"]:
        check(time.monotonic() - t0 < 6, "mappings of 1 s are there after 6")
        time.sleep(0.1)
    socks[0].send(b"again")
    equal(socks[0].recv(10), b"again", "a mapping made anew")


@case(*PAIR, plain=False, light=True)
def test_udp_filter(rig):
    """A host that was never sent to cannot answer a mapping; one that was, from
    another port, can."""
    e = rig.echo(4, world=True)
    s = rig.keep(udp(rig.I, FAM[4]))
    s.sendto(b"x", (WORLD[4], e.port))
    equal(s.recv(10), b"x", "answer")
    mapped = next(iter(e.peers))
    other = rig.keep(udp(rig.W, FAM[4]))
    other.sendto(b"same host, other port", mapped)
    equal(s.recv(100), b"same host, other port", "datagram")
    rig.run(rig.W, "ip", "addr", "replace", "198.51.100.3/24", "dev", "h0")
    stranger = rig.keep(udp(rig.W, FAM[4], "198.51.100.3"))
    before = rig.drops()["udp_filter"]
    stranger.sendto(b"stranger", mapped)
    s.settimeout(0.3)
    equal(nssock.errno_of(s.recv, 100), errno.ETIMEDOUT, "the stranger's datagram")
    check(rig.drops()["udp_filter"] > before, "drop counter udp_filter")
