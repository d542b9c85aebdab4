# SPDX-License-Identifier: BSD-2-Clause
"""Echo, fragments, path MTU."""
import errno
import re
import socket

import nssock
from nssock import Job, connect, listen, port_of, recv_stream, send_stream, udp
from rig import ALL, FAM, HOST, PAIR, STACK, WORLD, case, check, equal, until

IP_MTU_DISCOVER, IP_PMTUDISC_DO, IPV6_MTU_DISCOVER = 10, 2, 23


def ping(rig, addr, *args, n=3):
    r = rig.inside("ping", "-n", "-q", "-c", n, "-i", "0.01", "-W", "3", *args, addr,
                   check=False)
    m = re.search(r"(\d+) received", r.stdout)
    equal(m and int(m.group(1)), n, f"echo replies from {addr} to ping {' '.join(map(str, args))}")
    return r.stdout


@case(*ALL, light=True)
def test_ping(rig):
    for fam in (4, 6):
        ping(rig, STACK[fam])
        ping(rig, WORLD[fam])
        ping(rig, HOST[fam])
        for size in (0, 8, 1472):
            ping(rig, STACK[fam], "-s", size, n=2)
            ping(rig, WORLD[fam], "-s", size, n=2)


@case(*ALL)
def test_ping_fragments(rig):
    """Echo of 8000 bytes over an MTU of 1500: reassembled, answered in fragments."""
    for fam in (4, 6):
        for size in (1473, 8000, 60000):
            ping(rig, STACK[fam], "-s", size)
            ping(rig, WORLD[fam], "-s", size)
    if rig.gust:
        check(rig.stats()["total"]["ip"]["reassembled"] >= 8, "counter of reassembled datagrams")


@case(*PAIR, plain=False, light=True)
def test_ping_unreachable(rig):
    rig.run(rig.H, "ip", "route", "replace", "unreachable", "203.0.113.0/25")
    r = rig.inside("ping", "-n", "-c", "1", "-W", "2", "203.0.113.9", check=False)
    check("nreachable" in r.stdout, f"ping to an unreachable host: {r.stdout}")


@case(light=True)
def test_ping_flood(rig):
    """A few thousand echoes in a row lose nothing."""
    n = rig.size(3000, 300)
    for fam in (4, 6):
        for addr in (STACK[fam], WORLD[fam]):
            r = rig.inside("ping", "-n", "-q", "-f", "-c", n, addr, check=False)
            m = re.search(r"(\d+) received", r.stdout)
            check(m and int(m.group(1)) == n, r.stdout)


@case(*PAIR, light=True)
def test_ttl_exceeded(rig):
    """A hop limit that does not reach beyond gust is answered by gust."""
    for fam in (4, 6):
        r = rig.inside("ping", "-n", "-c", "1", "-W", "2", "-t", "1", WORLD[fam], check=False)
        check("xceeded" in r.stdout or "Hop limit" in r.stdout, f"ping -t 1: {r.stdout}")


@case(*ALL)
def test_udp_fragments(rig):
    """Datagrams of many fragments, both ways at once, each exact."""
    for fam in (4, 6):
        e = rig.echo(fam)
        s = rig.keep(udp(rig.I, to=(STACK[fam], e.port)))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        for round_ in range(5):
            want = [nssock.pattern(k + round_, 20000 + k) for k in range(4)]
            for d in want:
                s.send(d)
            got = [s.recv(65536) for _ in want]
            check(got == want, f"IPv{fam}: datagrams of {[len(d) for d in got]} bytes")


def beyond(rig, mtu):
    """A namespace J behind I, to which I forwards over a hop of less MTU that
    J does not know of."""
    j = rig.lab.space(f"J{len(rig.lab.spaces)}")
    rig.lab.veth(rig.I, j, "j0", "i0", ["10.120.0.1/24", "fd00:120::1/64"],
                 ["10.120.0.2/24", "fd00:120::2/64"])
    rig.lab.sysctl(rig.I, "net.ipv4.ip_forward", "1")
    rig.lab.sysctl(rig.I, "net.ipv6.conf.all.forwarding", "1")
    for fam, net, via in (("-4", "10.120.0.2/32", "10.120.0.1"),
                          ("-6", "fd00:120::2/128", "fd00:120::1")):
        rig.run(rig.I, "ip", fam, "route", "add", net, "dev", "j0", "mtu", "lock", mtu)
        rig.run(j, "ip", fam, "route", "add", "default", "via", via)
    return j


def without(rig):
    rig.run(rig.I, "ip", "link", "del", "j0")
    rig.lab.sysctl(rig.I, "net.ipv4.ip_forward", "0")
    rig.lab.sysctl(rig.I, "net.ipv6.conf.all.forwarding", "0")


@case(*PAIR, plain=False)
def test_path_mtu(rig):
    """"Too big" from a router inside makes the segments smaller, and datagrams
    fragments."""
    j = beyond(rig, 1300)
    try:
        for fam in (4, 6):
            with listen(rig.H, FAM[fam]) as ls:
                c = rig.keep(connect(j, STACK[fam], port_of(ls)))
                s = rig.keep(ls.accept()[0])
            n = rig.size(8 << 20, 1 << 20)
            job = Job(send_stream, s, n)
            recv_stream(c, n)
            job.wait()
            mss = rig.mss(c)
            check(mss <= 1300 - (40 if fam == 4 else 60), f"IPv{fam}: MSS {mss}")
            e = rig.echo(fam)
            u = rig.keep(udp(j, to=(STACK[fam], e.port), timeout=0.5))
            for attempt in range(4):  # the first may teach the path
                u.send(nssock.pattern(attempt, 1400))
                try:
                    got = u.recv(2000)
                except TimeoutError:
                    continue
                equal(len(got), 1400, "answer")
                break
            else:
                raise AssertionError(f"IPv{fam}: no datagram of 1400 bytes came through")
            for one in (c, s):
                one.close()
            until(lambda: not rig.status()["flows"]["tcp"], 5, "the connection to end")
    finally:
        without(rig)


@case(*PAIR, plain=False, light=True)
def test_path_mtu_outside(rig):
    """A smaller MTU outside is told to a sender that forbids fragments."""
    rig.run(rig.H, "ip", "route", "replace", "198.51.100.2/32", "dev", "w0", "mtu", "1300")
    try:
        e = rig.echo(4, world=True)
        u = rig.keep(udp(rig.I, to=(WORLD[4], e.port), timeout=1))
        u.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        u.send(b"x" * 1000)
        equal(len(u.recv(2000)), 1000, "answer")
        # either gust forwards in fragments, or says "too big"; silence is wrong
        for _ in range(3):
            try:
                u.send(b"y" * 1400)
                if len(u.recv(2000)) == 1400:
                    return
            except TimeoutError:
                continue
            except OSError as e2:
                equal(e2.errno, errno.EMSGSIZE, "error")
                return
        raise AssertionError("1400 bytes vanished without an error")
    finally:
        rig.run(rig.H, "ip", "route", "del", "198.51.100.2/32", "dev", "w0")


@case(*PAIR)
def test_tcp_small_mss(rig):
    """A peer with a small MSS gets nothing larger."""
    for fam in (4, 6):
        with listen(rig.H, FAM[fam]) as ls:
            c = rig.keep(connect(rig.I, STACK[fam], port_of(ls), mss=536))
            s = rig.keep(ls.accept()[0])
        n = rig.size(4 << 20, 1 << 20)
        job = Job(send_stream, s, n)
        recv_stream(c, n)
        job.wait()
        if rig.gust:
            check(rig.mss(c) <= 536, f"MSS {rig.mss(c)}")
