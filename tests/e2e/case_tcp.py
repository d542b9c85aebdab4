# SPDX-License-Identifier: BSD-2-Clause
"""TCP: bytes, ends, resets, refusals, backpressure."""
import errno
import json
import os
import random
import socket
import time

import nssock
from nssock import Job, connect, errno_of, listen, port_of, recv_stream, send_stream
from rig import (ALL, EVERY, FAM, INSIDE, PAIR, ROOT, SOME, STACK, WORLD, case, check, equal,
                 rss_bytes, until)


@case(*EVERY)
def test_tcp_transfer(rig):
    """Both directions, one after the other and at once, to the host and beyond."""
    n = rig.size(48 << 20, 8 << 20)
    for a, b in rig.pairs():
        nssock.transfer(a, b, n)
        nssock.transfer(b, a, n)
        back = Job(nssock.transfer, b, a, n)
        nssock.transfer(a, b, n)
        back.wait()


@case(*ALL)
def test_tcp_sizes(rig):
    """Writes of every awkward size, small ones in a row, arrive as one stream."""
    sizes = [1, 2, 3, 535, 536, 537, 1399, 1400, 1447, 1448, 1449, 2896, 2897, 16384, 65535,
             65536, 65537, 100001, 262144, 1000003]
    rnd = random.Random(7)
    sizes += [rnd.randrange(1, 3000) for _ in range(rig.size(2000, 300))]
    for fam in (4, 6):
        a, b = rig.pair(fam)
        for x, y in ((a, b), (b, a)):
            x.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            job = Job(recv_stream, y, sum(sizes))
            off = 0
            for n in sizes:
                x.sendall(nssock.pattern(off, n))
                off += n
            job.wait()


@case(*PAIR, light=True)
def test_tcp_addresses(rig):
    """What the server sees as its peer is the host; what the client sees as its
    peer is whom it asked for."""
    for fam in (4, 6):
        a, b = rig.pair(fam)
        equal(a.getpeername()[0], STACK[fam], "the client's peer")
        if not rig.plain:
            equal(b.getpeername()[0], "127.0.0.1" if fam == 4 else "::1", "the server's peer")
        a, b = rig.pair(fam, world=True)
        equal(a.getpeername()[0], WORLD[fam], "the client's peer")


@case(*EVERY)
def test_tcp_half_close(rig):
    n = rig.size(8 << 20, 1 << 20)
    for fam in (4, 6):
        for flip in (False, True):
            x, y = rig.pair(fam)
            if flip:
                x, y = y, x
            x.sendall(b"last words")
            x.shutdown(socket.SHUT_WR)
            equal(y.recv(100), b"last words", "before the end")
            equal(y.recv(100), b"", "end of stream")
            job = Job(send_stream, y, n)  # the other direction stays open
            recv_stream(x, n)
            job.wait()
            y.shutdown(socket.SHUT_WR)
            equal(x.recv(1), b"", "end of the other direction")


@case(*PAIR)
def test_tcp_end_with_data(rig):
    """Closing right behind a megabyte loses none of it."""
    for fam in (4, 6):
        for flip in (False, True):
            for _ in range(5):
                x, y = rig.pair(fam)
                if flip:
                    x, y = y, x
                job = Job(recv_stream, y)
                x.sendall(nssock.pattern(0, 1000000))
                x.close()
                equal(job.wait(), 1000000, "bytes before the end")


@case(*ALL, light=True)
def test_tcp_reset(rig):
    for fam in (4, 6):
        for world in (False, True):
            for flip in (False, True):
                x, y = rig.pair(fam, world)
                if flip:
                    x, y = y, x
                x.sendall(b"hello")
                equal(y.recv(5), b"hello", "before the reset")
                nssock.reset(x)
                t0 = time.monotonic()
                equal(errno_of(y.recv, 1), errno.ECONNRESET, "after the peer's reset")
                check(time.monotonic() - t0 < 1, "the reset took more than a second")


@case(*PAIR, light=True)
def test_tcp_reset_of_unread(rig):
    """A close with unread data is a reset on the other side too."""
    for fam in (4, 6):
        for flip in (False, True):
            x, y = rig.pair(fam)
            if flip:
                x, y = y, x
            y.sendall(b"never read")
            until(lambda: x.recv(1, socket.MSG_PEEK), 5, "data")
            x.close()
            equal(errno_of(y.recv, 1), errno.ECONNRESET, "read after the close")


@case(*ALL, light=True)
def test_tcp_refused(rig):
    for fam in (4, 6):
        for addr in (STACK[fam], WORLD[fam]):
            t0 = time.monotonic()
            equal(errno_of(connect, rig.I, addr, 47), errno.ECONNREFUSED, f"connect to {addr}")
            check(time.monotonic() - t0 < 0.5, "the refusal was late")
    # the port opens: nothing remembers the refusal
    with listen(rig.H, port=4747) as ls:
        rig.keep(connect(rig.I, STACK[4], 4747))
        ls.accept()[0].close()


@case(plain=False, light=True)
def test_tcp_unreachable(rig):
    for fam, net, dst in ((4, "203.0.113.0/25", "203.0.113.5"),
                          (6, "2001:db8:dead::/64", "2001:db8:dead::5")):
        rig.run(rig.H, "ip", f"-{fam}", "route", "replace", "unreachable", net)
        t0 = time.monotonic()
        got = errno_of(connect, rig.I, dst, 80)
        check(got in (errno.EHOSTUNREACH, errno.ENETUNREACH),
              f"connect to {dst}: {errno.errorcode.get(got, got)}")
        late = time.monotonic() - t0
        check(late < 0.5, f"the answer about {dst} came after {late:.1f} s")
    # no route at all
    for dst in ("203.0.113.200", "2001:db8:beef::1"):
        got = errno_of(connect, rig.I, dst, 80, 5)
        check(got in (errno.EHOSTUNREACH, errno.ENETUNREACH),
              f"connect to {dst}: {errno.errorcode.get(got, got)}")


@case("tun1", plain=False, light=True, conf={"rest": 'relay { connect_timeout = "1 s" }\n'})
def test_tcp_silent_host(rig):
    """A host that never answers is given up after connect_timeout, and that is
    an error inside."""
    dst = "198.51.100.77"
    rig.run(rig.H, "ip", "neigh", "replace", dst, "lladdr", "02:00:00:00:00:77", "dev", "w0")
    t0 = time.monotonic()
    got = errno_of(connect, rig.I, dst, 80, 5)
    took = time.monotonic() - t0
    check(0.8 < took < 2.5, f"connect ended after {took:.1f} s")
    check(got in (errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.ECONNREFUSED),
          f"connect: {errno.errorcode.get(got, got)}")
    rig.run(rig.H, "ip", "neigh", "del", dst, "dev", "w0")


def stall(x, y, quiet=0.5):
    """X writes until nothing is taken for QUIET seconds while Y does not read."""
    x.setblocking(False)
    sent, last = 0, time.monotonic()
    while time.monotonic() - last < quiet:
        try:
            sent += x.send(nssock.pattern(sent, 262144))
            last = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
        check(sent < 512 << 20, f"{sent} bytes were taken and nobody reads")
    x.settimeout(20)
    return sent


@case(*PAIR, timeout=90)
def test_tcp_backpressure(rig):
    """A reader that does not read stops the writer; memory stays bounded;
    nothing that was accepted is lost."""
    for fam in (4, 6):
        for flip in (False, True):
            x, y = rig.pair(fam)
            if flip:
                x, y = y, x
            sent = stall(x, y)
            if rig.gust:
                grown = rss_bytes(rig.gust.pid) - rig.gust.rss0
                check(grown < (400 if rig.sanitized else 96) << 20,
                      f"memory grew by {grown >> 20} MiB for one stalled connection")
            job = Job(recv_stream, y)
            sent += send_stream(x, 3 << 20, off=sent)
            x.shutdown(socket.SHUT_WR)
            equal(job.wait(), sent, "bytes after the stall")


@case(*PAIR, quick=False)
def test_tcp_stop_and_go(rig):
    """A reader that reads in fits: window zero and open again, many times."""
    n = rig.size(12 << 20, 6 << 20)
    for fam in (4, 6):
        for flip in (False, True):
            x, y = rig.pair(fam)
            if flip:
                x, y = y, x
            job = Job(send_stream, x, n)
            got = 0
            while got < n:
                part = min(2 << 20, n - got)
                recv_stream(y, part, off=got)
                got += part
                time.sleep(0.05)
            job.wait()


@case(*PAIR, light=True)
def test_tcp_urgent(rig):
    """Urgent data is delivered in line, both ways."""
    for flip in (False, True):
        x, y = rig.pair(4)
        if flip:
            x, y = y, x
        y.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        x.sendall(b"before")
        x.send(b"!", socket.MSG_OOB)
        x.sendall(b"after")
        x.shutdown(socket.SHUT_WR)
        got = b""
        while part := y.recv(100):
            got += part
        equal(got, b"before!after", "the stream " + ("to" if flip else "from") + " the inside")


@case(*PAIR, light=True)
def test_tcp_small_writes(rig):
    """What one side wrote without delay is not delayed on the way: two writes,
    then an answer, many times. (A relay that waits for an acknowledgment
    before the second adds 40 ms to each.)"""
    for fam in (4, 6):
        for flip in (False, True):
            x, y = rig.pair(fam)
            if flip:
                x, y = y, x
            for s in (x, y):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            t0 = time.monotonic()
            for _ in range(50):
                x.sendall(b"header")
                x.sendall(b"body")
                equal(nssock.recv_exact(y, 10), b"headerbody", "request")
                y.sendall(b"ok")
                equal(x.recv(2), b"ok", "answer")
            took = time.monotonic() - t0
            check(took < (2 if rig.sanitized else 0.8),
                  f"50 exchanges over IPv{fam} {'to' if flip else 'from'} the inside took "
                  f"{took:.2f} s")


@case(*PAIR)
def test_tcp_many_at_once(rig):
    """Connections that are open at the same time keep their bytes apart."""
    n = rig.size(400, 60)
    for fam in (4, 6):
        with listen(rig.H, FAM[fam], backlog=1024) as ls:
            port = port_of(ls)
            a = [rig.keep(connect(rig.I, STACK[fam], port)) for _ in range(n)]
            b = [rig.keep(ls.accept()[0]) for _ in range(n)]
        by_name = {}
        for i, s in enumerate(a):
            s.sendall(b"%8d" % i + nssock.pattern(i, 5000))
        for s in b:
            s.settimeout(20)
            i = int(nssock.recv_exact(s, 8))
            check(i not in by_name, f"connection {i} came twice")
            by_name[i] = s
            check(nssock.recv_exact(s, 5000) == nssock.pattern(i, 5000), f"stream {i} differs")
            s.sendall(nssock.pattern(i + 17, 3000))
        for i, s in enumerate(a):
            check(nssock.recv_exact(s, 3000) == nssock.pattern(i + 17, 3000),
                  f"answer {i} differs")
        if rig.gust:
            equal(rig.status()["flows"]["tcp"], n, "connections that gust counts")
        for s in a + b:
            s.close()
        if rig.gust:
            until(lambda: not rig.status()["flows"]["tcp"], 5, "connections to end")


def load_tool(rig, name):
    return os.path.join(ROOT, rig.build, "tests", "bench", name)


@case(*SOME, timeout=90,
      conf={"rest": 'tcp { time_wait = "500 ms" }\n'}, quick="tun1")
def test_tcp_ten_thousand(rig):
    """10,000 connections opened, used and closed; everything comes back."""
    tool, want = load_tool(rig, "tcpload"), rig.size(10000, 1500)
    rig.lab.start(rig.H, tool, "serve", "5202")
    rig.lab.wait_port(rig.H, 5202)
    done, t0 = 0, time.monotonic()
    while done < want:
        for fam in (4, 6):
            r = rig.inside(tool, "conn", STACK[fam], "5202", "1")
            d = json.loads(r.stdout.splitlines()[-1])
            equal(d["failed"], 0, "failed connections")
            done += d["connections"]
        check(time.monotonic() - t0 < 60, f"only {done} connections in a minute")
    rig.note(f"{done / (time.monotonic() - t0):.0f}/s")
    if rig.gust:
        check(rss_bytes(rig.gust.pid) - rig.gust.rss0 < (512 << 20 if rig.sanitized
                                                         else 32 << 20), "memory grew")


@case(*PAIR, light=True)
def test_tcp_bind_and_reuse(rig):
    """One local port, connection after connection, each side closing first."""
    for first in (0, 1):
        for i in range(8):
            with listen(rig.H, port=0) as ls:
                s = nssock.make(rig.I, FAM[4], socket.SOCK_STREAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind((INSIDE[4], 33000 + first * 10 + i % 2))
                s.connect((STACK[4], port_of(ls)))
                t = ls.accept()[0]
            s.sendall(b"x")
            equal(t.recv(1), b"x", "the byte")
            for one in ((s, t) if first else (t, s)):
                one.shutdown(socket.SHUT_RDWR)
            s.close()
            t.close()
