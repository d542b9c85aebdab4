# SPDX-License-Identifier: BSD-2-Clause
"""Everything at once, for long: connections that open, carry, break and close.
At the end every slab, packet, flow and descriptor is back."""
import contextlib
import errno
import json
import os
import random
import socket
import threading
import time

import nssock
from nssock import Job, connect, listen, recv_stream, send_stream, udp
from rig import FAM, ROOT, STACK, WORLD, case, check, count_fds, equal, rss_bytes, until

CONF = {"top": "drain = 300\n"
        'publish = { "tcp 0.0.0.0:8091 10.111.0.1:91", "tcp [::]:8091 [fd00:111::1]:91" }',
        "rest": "services { echo = true\n discard = true\n chargen = true }\n"
        'tcp { time_wait = "500 ms" }\n'
        'udp { timeout = "2 s"\n timeout_oneway = "1 s"\n timeout_dns = "1 s" }\n'}


class Soak:
    """Workers in threads, each one kind of use, until the time is over."""

    def __init__(self, rig, seconds):
        self.rig, self.end = rig, time.monotonic() + seconds
        self.done = {}
        self.lock = threading.Lock()

    def over(self):
        return time.monotonic() > self.end

    def count(self, what, n=1):
        with self.lock:
            self.done[what] = self.done.get(what, 0) + n

    def stream(self, rnd):
        """Either side sends a random amount; sometimes it ends in a reset,
        sometimes the reader leaves early, sometimes it is slow."""
        fam, flip = rnd.choice((4, 6)), rnd.random() < 0.5
        ns, addr = (self.rig.W, WORLD) if rnd.random() < 0.3 else (self.rig.H, STACK)
        x, y = nssock.pair(self.rig.I, ns, addr[fam])
        if flip:
            x, y = y, x
        with x, y:
            n = int(2 ** rnd.uniform(0, 24))
            kind = rnd.randrange(8)
            if kind == 0:
                tx = Job(nssock.errno_of, send_stream, x, n)
                with contextlib.suppress(ConnectionError):
                    recv_stream(y, max(1, n // 2))
                nssock.reset(y)
                tx.wait()
                self.count("resets")
                return
            tx = Job(send_stream, x, n)
            if kind == 1 and n > 100000:
                recv_stream(y, 50000)
                time.sleep(rnd.uniform(0, 0.2))
                recv_stream(y, n - 50000, off=50000)
            else:
                recv_stream(y, n)
            tx.wait()
            x.shutdown(socket.SHUT_WR)
            equal(y.recv(1), b"", "end of stream")
            self.count("streams")
            self.count("MiB", n / (1 << 20))

    def refused(self, rnd):
        fam = rnd.choice((4, 6))
        got = nssock.errno_of(connect, self.rig.I, STACK[fam], 47)
        equal(got, errno.ECONNREFUSED, "refused connect")
        self.count("refused")
        time.sleep(0.01)

    def datagrams(self, rnd, echo):
        fam = rnd.choice((4, 6))
        with udp(self.rig.I, to=(STACK[fam], echo[fam].port), timeout=5) as s:
            for _ in range(rnd.randrange(1, 20)):
                n = rnd.choice((0, 1, 100, 1400, 3000, 9000))
                s.send(nssock.pattern(n, n))
                equal(s.recv(65536), nssock.pattern(n, n), "datagram")
        self.count("datagrams")
        time.sleep(0.01)

    def service(self, rnd):
        fam = rnd.choice((4, 6))
        with connect(self.rig.I, STACK[fam], 7) as s:
            n = rnd.randrange(1, 1 << 20)
            tx = Job(send_stream, s, n)
            recv_stream(s, n)
            tx.wait()
        with connect(self.rig.I, STACK[fam], 19) as s:
            nssock.recv_exact(s, rnd.randrange(1, 100000))
            if rnd.random() < 0.5:
                nssock.reset(s)
        self.count("services")

    def published(self, rnd, servers):
        fam = rnd.choice((4, 6))
        with connect(self.rig.H, "127.0.0.1" if fam == 4 else "::1", 8091) as c:
            s = servers[fam].accept()[0]
            s.settimeout(20)
            with s:
                nssock.transfer(c, s, rnd.randrange(1, 1 << 20))
                nssock.transfer(s, c, rnd.randrange(1, 1 << 20))
        self.count("published")

    def abandon(self, rnd):
        """A connection that one side simply leaves, data under way."""
        x, y = nssock.pair(self.rig.I, self.rig.H, STACK[rnd.choice((4, 6))])
        x.setblocking(False)
        with contextlib.suppress(OSError):
            x.send(nssock.pattern(0, rnd.randrange(1, 1000000)))
        (x if rnd.random() < 0.5 else y).close()
        time.sleep(rnd.uniform(0, 0.05))
        x.close()
        y.close()
        self.count("abandoned")

    def loop(self, seed, fn, *args):
        rnd = random.Random(seed)
        while not self.over():
            fn(rnd, *args)

    def short(self, tool):
        while not self.over():
            r = self.rig.inside(tool, "conn", STACK[4], "5299", "1")
            d = json.loads(r.stdout.splitlines()[-1])
            equal(d["failed"], 0, "failed connections")
            self.count("short", d["connections"])
            time.sleep(1)  # a share of the machine for the others


def soak(rig, seconds):
    tool = os.path.join(ROOT, rig.build, "tests", "bench", "tcpload")
    rig.lab.start(rig.H, tool, "serve", "5299")
    rig.lab.wait_port(rig.H, 5299)
    echo = {fam: rig.echo(fam) for fam in (4, 6)}
    servers = {fam: rig.keep(listen(rig.I, FAM[fam], port=91)) for fam in (4, 6)}
    time.sleep(0.5)
    g = rig.gust
    fds = count_fds(g.pid)
    s = Soak(rig, seconds)
    jobs = [Job(s.loop, seed, s.stream) for seed in range(6)]
    jobs += [Job(s.loop, 100, s.refused), Job(s.loop, 101, s.datagrams, echo),
             Job(s.loop, 102, s.datagrams, echo), Job(s.loop, 103, s.service),
             Job(s.loop, 104, s.published, servers), Job(s.loop, 105, s.abandon),
             Job(s.short, tool)]
    half_rss, half = 0, time.monotonic() + seconds / 2
    while not s.over():
        time.sleep(0.2)
        for j in jobs:
            if j.error:
                s.end = 0
        if not half_rss and time.monotonic() > half:
            half_rss = rss_bytes(g.pid)
    for j in jobs:
        j.wait(60)
    rig.note(", ".join(f"{int(n)} {k}" for k, n in sorted(s.done.items())))
    # everything comes back: TIME-WAIT 0.5 s, UDP mappings 2 s
    for e in echo.values():
        e.close()
    until(lambda: not any(rig.status()["flows"].values()), 12,
          f"flows to end: {rig.status()['flows']}")
    until(lambda: count_fds(g.pid) <= fds, 5, f"descriptors: {count_fds(g.pid)}, {fds} before")

    def idle():
        m = rig.status()["memory"]
        # a worker keeps the slabs that its next reads go into: from the
        # interface, from TCP and from UDP sockets
        return m["packets"] == m["packets_free"] and \
            m["slabs"] - m["slabs_free"] <= 4 * rig.workers
    until(idle, 5, f"packets and slabs: {rig.status()['memory']}")
    if seconds > 60 and not rig.sanitized:
        check(rss_bytes(g.pid) < half_rss * 1.2 + (8 << 20),
              f"memory grew from {half_rss >> 20} to {rss_bytes(g.pid) >> 20} MiB")
    if seconds > 5:
        for what in ("streams", "resets", "refused", "datagrams", "services", "published",
                     "abandoned", "short"):
            check(s.done.get(what, 0) >= 5, f"{what}: {s.done}")


@case("tun2", "tap1", plain=False, conf=CONF, timeout=90)
def test_soak(rig):
    soak(rig, (10 if rig.mode == "tun" else 4) if not rig.quick else 5)


@case("tun2", plain=False, conf=CONF, timeout=800, long=True)
def test_soak_ten_minutes(rig):
    soak(rig, 600)
