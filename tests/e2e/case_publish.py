# SPDX-License-Identifier: BSD-2-Clause
"""Published ports, built-in services, source binding: what configuration adds."""
import errno
import os
import socket
import threading
import time

import nssock
from nssock import Job, connect, listen, port_of, recv_stream, send_stream, udp
from rig import ALL, FAM, HOST, PAIR, SOME, STACK, WORLD, case, check, equal

PUBLISH = {"top": "drain = 300\n"
           'publish = { "tcp 0.0.0.0:8081 10.111.0.1:81", "tcp [::]:8081 [fd00:111::1]:81",\n'
           '            "udp 0.0.0.0:8082 10.111.0.1:82", "udp [::]:8082 [fd00:111::1]:82",\n'
           '            "tcp 127.0.0.1:8083 10.111.0.1:83" }'}
LOCAL = {4: "127.0.0.1", 6: "::1"}


def outside(rig, fam):
    """Whence published ports are reached: the host itself, and the world."""
    return (rig.H, LOCAL[fam]), (rig.W, HOST[fam])


@case(*ALL, plain=False, conf=PUBLISH)
def test_publish_tcp(rig):
    n = rig.size(32 << 20, 4 << 20)
    for fam in (4, 6):
        with listen(rig.I, FAM[fam], port=81) as ls:
            for ns, addr in outside(rig, fam):
                c = rig.keep(connect(ns, addr, 8081))
                s = rig.keep(ls.accept()[0])
                nssock.transfer(c, s, n)
                nssock.transfer(s, c, n)
                c.shutdown(socket.SHUT_WR)
                equal(s.recv(1), b"", "end of stream inside")
                job = Job(send_stream, s, 1 << 20)
                recv_stream(c, 1 << 20)
                job.wait()
                s.close()
                equal(c.recv(1), b"", "end of stream outside")


@case(*PAIR, plain=False, conf=PUBLISH, light=True)
def test_publish_many(rig):
    """Connections one after another; with two workers the listeners share them."""
    with listen(rig.I, port=81, backlog=256) as ls:
        seen = set()
        for i in range(rig.size(200, 50)):
            with connect(rig.H, "127.0.0.1", 8081) as c:
                s, who = ls.accept()
                seen.add(who)
                with s:
                    c.sendall(b"%d" % i)
                    equal(s.recv(10), b"%d" % i, "request")
                    s.sendall(b"a%d" % i)
                    equal(c.recv(10), b"a%d" % i, "answer")
        check(len(seen) == rig.size(200, 50), "the inside saw two connections as one")


@case(*PAIR, plain=False, conf=PUBLISH, light=True)
def test_publish_closed(rig):
    """Nobody listens inside: the client outside does not get a connection that
    lives, and the next one, when somebody does, works."""
    for fam in (4, 6):
        for ns, addr in outside(rig, fam):
            try:
                with connect(ns, addr, 8081, timeout=3) as c:
                    got = nssock.errno_of(c.recv, 1)
                    check(got == errno.ECONNRESET, f"read: {errno.errorcode.get(got, got)}")
            except OSError as e:
                check(e.errno in (errno.ECONNREFUSED, errno.ECONNRESET), str(e))
        with listen(rig.I, FAM[fam], port=81) as ls:
            c = rig.keep(connect(ns, addr, 8081))
            rig.keep(ls.accept()[0]).sendall(b"now")
            equal(c.recv(3), b"now", "data")


@case(*PAIR, plain=False, conf=PUBLISH, light=True)
def test_publish_address(rig):
    """A port published on the loopback alone is not there for the world."""
    with listen(rig.I, port=83):
        rig.keep(connect(rig.H, "127.0.0.1", 8083))
        equal(nssock.errno_of(connect, rig.W, HOST[4], 8083), errno.ECONNREFUSED, "connect")


@case(*ALL, plain=False, conf=PUBLISH)
def test_publish_udp(rig):
    for fam in (4, 6):
        e = rig.keep(nssock.UdpEcho(rig.I, FAM[fam], port=82))
        for ns, addr in outside(rig, fam):
            socks = [rig.keep(udp(ns, to=(addr, 8082))) for _ in range(10)]
            for size in (0, 1, 1000, 1472, 8000):
                for i, s in enumerate(socks):
                    s.send(nssock.pattern(i, size))
                for i, s in enumerate(socks):
                    equal(s.recv(65536), nssock.pattern(i, size), f"{size} bytes over IPv{fam}")
        check(len(e.peers) == 20, f"20 clients are {len(e.peers)} inside")


@case(*PAIR, plain=False, conf=PUBLISH)
def test_publish_udp_superpackets(rig):
    """UDP_SEGMENT from outside reaches a published port as it was sent."""
    for fam in (4, 6):
        rx = rig.keep(udp(rig.I, FAM[fam], port=82))
        rx.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        tx = rig.keep(udp(rig.H, to=(LOCAL[fam], 8082)))
        d = nssock.pattern(5, 30 * 1200 + 7)
        tx.sendmsg([d], [(17, 103, (1200).to_bytes(2, "little"))])
        got = [rx.recv(2000) for _ in range(31)]
        check(b"".join(got) == d and {len(x) for x in got[:-1]} == {1200}, "datagrams differ")


@case(*PAIR, plain=False, conf={"rest": "relay { loopback = true }\n"}, light=True)
def test_services_off(rig):
    """Without being asked for, the services do not exist."""
    for fam in (4, 6):
        for port in (7, 9, 19):
            equal(nssock.errno_of(connect, rig.I, STACK[fam], port), errno.ECONNREFUSED,
                  f"port {port}")


SERVICES = {"rest": "services { echo = true\n discard = true\n chargen = true }\n"}


@case(*ALL, plain=False, conf=SERVICES)
def test_services_tcp(rig):
    n = rig.size(48 << 20, 4 << 20)
    for fam in (4, 6):
        s = rig.keep(connect(rig.I, STACK[fam], 7))
        tx = Job(send_stream, s, n)
        recv_stream(s, n)
        tx.wait()
        s.shutdown(socket.SHUT_WR)
        equal(s.recv(1), b"", "end of the echo")

        s = rig.keep(connect(rig.I, STACK[fam], 9))
        send_stream(s, n)
        s.shutdown(socket.SHUT_WR)
        equal(s.recv(1), b"", "discard says nothing")

        s = rig.keep(connect(rig.I, STACK[fam], 19))
        text = nssock.recv_exact(s, 74 * 95 * 4)
        lines = text.split(b"\r\n")
        check(all(len(x) == 72 for x in lines[:-1]), "chargen: lines of 72 characters (RFC 864)")
        check(len(set(lines[:-1])) == 95, f"chargen: {len(set(lines[:-1]))} different lines")
        got, t0 = 0, time.monotonic()
        while got < n:
            got += len(s.recv(1 << 20))
        rig.note(f"chargen {got * 8 / (time.monotonic() - t0) / 1e9:.1f} Gbit/s")
        nssock.reset(s)
    check(rig.stats()["total"]["relay"]["service_bytes"] > n, "counter of bytes")


@case(*SOME, plain=False, conf=SERVICES)
def test_services_udp(rig):
    for fam in (4, 6):
        s = rig.keep(udp(rig.I, to=(STACK[fam], 7)))
        for size in (0, 1, 1400, 5000, 20000):
            s.send(nssock.pattern(1, size))
            equal(s.recv(65536), nssock.pattern(1, size), f"echo of {size} bytes")
        s = rig.keep(udp(rig.I, to=(STACK[fam], 9), timeout=0.3))
        s.send(b"gone")
        equal(nssock.errno_of(s.recv, 10), errno.ETIMEDOUT, "discard")
        s = rig.keep(udp(rig.I, to=(STACK[fam], 19)))
        s.send(b"")
        n = len(s.recv(2000))
        check(0 < n <= 512, f"chargen: a datagram of {n} bytes (RFC 864: 0 to 512)")


@case(*PAIR, plain=False, conf=SERVICES)
def test_services_idle(rig):
    """Thousands of idle connections cost little memory, and end together."""
    n = rig.size(4000, 500)
    before = rig.status()["memory"]["rss"]
    tool = os.path.join(rig.gust.build, "tests", "bench", "tcpload")
    import subprocess
    p = rig.lab.start(rig.I, tool, "idle", STACK[4], "7", n, stdout=subprocess.PIPE,
                      stdin=subprocess.PIPE)
    check(p.stdout.readline(), "the connections could not be opened")
    st = rig.status()
    equal(st["flows"]["tcp"], n, "connections")
    each = (st["memory"]["rss"] - before) / n
    rig.note(f"{each:.0f} bytes each")
    check(rig.sanitized or each < 3000, f"{each:.0f} bytes for an idle connection")
    p.stdin.close()
    p.wait(20)


@case(*PAIR, plain=False, conf={"rest": 'relay { loopback = false\n'
                                ' map = {"10.111.0.77 127.0.0.1", "fd00:111::77 ::1"} }\n'},
      light=True)
def test_map(rig):
    """Another address maps to the host's loopback; the stack's own does not."""
    for fam, addr in ((4, "10.111.0.77"), (6, "fd00:111::77")):
        if rig.mode == "tap":
            continue  # nobody answers for that address on a link
        with listen(rig.H, FAM[fam], LOCAL[fam]) as ls:
            c = rig.keep(connect(rig.I, addr, port_of(ls)))
            rig.keep(ls.accept()[0]).sendall(b"hi")
            equal(c.recv(2), b"hi", "data")
    with listen(rig.H, addr="127.0.0.1") as ls:
        equal(nssock.errno_of(connect, rig.I, STACK[4], port_of(ls)), errno.ECONNREFUSED,
              "the stack's own address")


@case("tun1", "tun2", plain=False, own=True)
def test_source_mark(rig):
    """gust's own default route in the host's namespace does not catch gust: a
    mark sends its sockets elsewhere."""
    h = rig.lab.space(f"M{len(rig.lab.spaces)}")
    w = rig.lab.space(f"N{len(rig.lab.spaces)}")
    rig.lab.veth(h, w, "w0", "h0", ["198.51.100.1/24", "2001:db8:51::1/64"],
                 ["198.51.100.2/24", "2001:db8:51::2/64"])
    rig.run(w, "ip", "addr", "add", "203.0.113.1/32", "dev", "lo")
    rig.run(w, "ip", "addr", "add", "2001:db8:113::1/128", "dev", "lo")
    for fam, via in (("-4", "198.51.100.2"), ("-6", "2001:db8:51::2")):
        rig.run(h, "ip", fam, "rule", "add", "fwmark", "0x67", "lookup", "100")
        rig.run(h, "ip", fam, "route", "add", "default", "via", via, "table", "100")
    g = rig.start(host=h, inside=h, rest="relay { mark = 0x67 }\n")
    for fam, far, seen in ((4, "203.0.113.1", "198.51.100.1"),
                           (6, "2001:db8:113::1", "2001:db8:51::1")):
        with listen(w, FAM[fam]) as ls:
            c = rig.keep(connect(h, far, port_of(ls)))
            s, who = ls.accept()
            rig.keep(s)
        equal(who[0], seen, "who connected")
        nssock.transfer(c, s, 4 << 20)
        nssock.transfer(s, c, 4 << 20)
        flows = [f for f in g.ctl("flows")["flows"] if f["outside"] == far]
        equal(len(flows), 1, "flows to it in gust")
        e = rig.keep(nssock.UdpEcho(w, FAM[fam], far))
        u = rig.keep(udp(h, to=(far, e.port)))
        u.send(b"datagram")
        equal(u.recv(100), b"datagram", "echo")


@case("tun1", plain=False, own=True)
def test_source_address(rig):
    """Host sockets are bound to an address, or to a device."""
    rig.run(rig.H, "ip", "addr", "add", "198.51.100.9/24", "dev", "w0")
    rig.run(rig.H, "ip", "addr", "add", "2001:db8:51::9/64", "dev", "w0", "nodad")
    try:
        rig.start(rest='relay { source = {"198.51.100.9", "2001:db8:51::9"} }\n')
        for fam, seen in ((4, "198.51.100.9"), (6, "2001:db8:51::9")):
            with listen(rig.W, FAM[fam]) as ls:
                rig.keep(connect(rig.I, WORLD[fam], port_of(ls)))
                s, who = ls.accept()
                rig.keep(s)
            equal(who[0], seen, "who connected")
            e = rig.echo(fam, world=True)
            u = rig.keep(udp(rig.I, to=(WORLD[fam], e.port)))
            u.send(b"x")
            equal((u.recv(10), {p[0] for p in e.peers}), (b"x", {seen}), "UDP source")
        g = rig.gust
        rig.close_all()
        rig.returned(g)
        rig.stop(g)
        rig.start(rest='relay { device = "w0" }\n')
        with listen(rig.W) as ls:
            rig.keep(connect(rig.I, WORLD[4], port_of(ls)))
            rig.keep(ls.accept()[0])
        with listen(rig.H, addr=HOST[4]) as ls:
            # the loopback is not behind w0
            got = nssock.errno_of(connect, rig.I, STACK[4], port_of(ls), 2)
            check(got != 0, "a connection left by another device")
    finally:
        rig.run(rig.H, "ip", "addr", "del", "198.51.100.9/24", "dev", "w0")
        rig.run(rig.H, "ip", "addr", "del", "2001:db8:51::9/64", "dev", "w0")


@case("tun1", plain=False, light=True,
      conf={"rest": "limits { flows = 64\n half_open = 64\n udp_flows = 16 }\n"})
def test_limits(rig):
    """At a limit the new is refused and counted, and the old goes on."""
    with listen(rig.H, backlog=256) as ls:
        port, held = port_of(ls), []
        a, b = rig.pair()
        for _ in range(63):
            held.append((rig.keep(connect(rig.I, STACK[4], port)), rig.keep(ls.accept()[0])))
        got = nssock.errno_of(connect, rig.I, STACK[4], port, 1)
        check(got in (errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH,
                      errno.ENETUNREACH), f"connection 65: {errno.errorcode.get(got, got)}")
        check(rig.drops()["flow_limit"] > 0, f"counter: {rig.drops()}")
        nssock.transfer(a, b, 1 << 20)
        for one in held.pop():
            one.close()
        done = threading.Event()
        while not done.wait(0.1):
            try:
                rig.keep(connect(rig.I, STACK[4], port, timeout=1))
                done.set()
            except OSError:
                pass
    e = rig.echo(4)
    socks = [rig.keep(udp(rig.I, to=(STACK[4], e.port), timeout=0.2)) for _ in range(24)]
    answered = 0
    for s in socks:
        s.send(b"x")
        answered += nssock.errno_of(s.recv, 1) == 0
    check(answered >= 16, f"{answered} of the first 16 UDP mappings work")
    check(rig.status()["flows"]["udp"] <= 16, f"{rig.status()['flows']}")
