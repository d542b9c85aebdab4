# SPDX-License-Identifier: BSD-2-Clause
"""The interface belongs to the administrator: whatever ip and ethtool change is
followed while traffic runs."""
import contextlib
import re
import socket
import threading
import time

import nssock
from nssock import Job, connect, listen, port_of, recv_stream, send_stream
from rig import ALL, FAM, PAIR, SOME, STACK, case, check, equal, until


class Traffic:
    """Streams in both directions over both families until told to stop; every
    byte is compared and counted."""

    def __init__(self, rig, fams=(4, 6)):
        self.rig, self.stopping = rig, threading.Event()
        self.jobs, self.progress = [], []
        for fam in fams:
            for flip in (False, True):
                a, b = rig.pair(fam)
                x, y = (b, a) if flip else (a, b)
                x.settimeout(30)
                y.settimeout(30)
                p = [0]
                self.progress.append(p)
                self.jobs.append((x, Job(self.send, x), Job(recv_stream, y, progress=p)))

    def send(self, s):
        n = send_stream(s, until=self.stopping)
        s.shutdown(socket.SHUT_WR)
        return n

    def moves(self, timeout=20):
        """Every stream goes on from here."""
        was = [p[0] for p in self.progress]
        until(lambda: all(p[0] > w + 100000 for p, w in zip(self.progress, was)), timeout,
              f"streams that go on (progress {[p[0] - w for p, w in zip(self.progress, was)]})")

    def finish(self):
        self.stopping.set()
        for x, tx, rx in self.jobs:
            sent = tx.wait()
            equal(rx.wait(), sent, "bytes received")
        return sum(p[0] for p in self.progress)


def port_stats(rig):
    return rig.stats()["total"]["port"]


def supers_from_kernel(rig, seconds=0.4):
    """Share of packets of the kernel that are superpackets, while traffic runs."""
    a = port_stats(rig)
    time.sleep(seconds)
    b = port_stats(rig)
    return b["rx_super"] - a["rx_super"], b["rx_packets"] - a["rx_packets"]


def feature(rig, name, direction="from_kernel"):
    return name in rig.gust.ctl("features")[direction]["features"]


def ethtool(rig, *args):
    rig.inside("ethtool", "-K", "gust0", *args)


@case(*SOME, plain=False, timeout=90)
def test_ethtool_tso(rig):
    """ethtool -K gust0 tso off, and on again, in the middle of transfers."""
    with contextlib.ExitStack() as st:
        t = Traffic(rig)
        st.callback(t.stopping.set)
        t.moves()
        n, _ = supers_from_kernel(rig)
        check(n > 0, "no superpackets from the kernel to begin with")
        ethtool(rig, "tso", "off")
        until(lambda: not feature(rig, "tx-tcp-segmentation"), 3, "gustctl features: tso off")
        time.sleep(0.3)  # what waits in the queue is from before
        n, packets = supers_from_kernel(rig)
        equal(n, 0, f"superpackets from the kernel after tso off, of {packets} packets")
        t.moves()
        ethtool(rig, "tso", "on")
        until(lambda: feature(rig, "tx-tcp-segmentation"), 3, "gustctl features: tso on")
        t.moves()
        until(lambda: supers_from_kernel(rig, 0.1)[0] > 0, 3, "superpackets again")
        rig.note(f"{t.finish() >> 20} MiB")


@case(*SOME, plain=False, timeout=90)
def test_ethtool_others(rig):
    """tx, sg and gro off and on in the middle of transfers."""
    with contextlib.ExitStack() as st:
        t = Traffic(rig)
        st.callback(t.stopping.set)
        for what, name in (("tx", "tx-checksum-ip-generic"), ("sg", "tx-scatter-gather"),
                           ("gro", None)):
            t.moves()
            ethtool(rig, what, "off")
            if name:
                until(lambda name=name: not feature(rig, name), 3, f"{name} off")
            t.moves()
            if what == "tx":
                time.sleep(0.3)
                equal(supers_from_kernel(rig)[0], 0, "superpackets without checksum offload")
            ethtool(rig, what, "on")
            if name:
                until(lambda name=name: feature(rig, name), 3, f"{name} on")
            t.moves()
        until(lambda: supers_from_kernel(rig, 0.1)[0] > 0, 3, "superpackets again")
        t.finish()


@case(*SOME, plain=False)
def test_ethtool_uso(rig):
    """tx-udp-segmentation off: UDP_SEGMENT sends of the inside come in pieces,
    and none is lost."""
    with listen(rig.H):
        pass
    h = rig.keep(nssock.udp(rig.H, addr="0.0.0.0"))
    h.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    i = rig.keep(nssock.udp(rig.I, to=(STACK[4], port_of(h))))
    i.send(b"first")
    h.recv(10)
    for state in ("on", "off", "on"):
        ethtool(rig, "tx-udp-segmentation", state)
        until(lambda s=state: feature(rig, "tx-udp-segmentation") == (s == "on"), 3,
              f"gustctl features: USO {state}")
        before = port_stats(rig)["rx_super"]
        d = nssock.pattern(3, 20 * 1200)
        i.sendmsg([d], [(17, 103, (1200).to_bytes(2, "little"))])
        got = b"".join(h.recv(2000) for _ in range(20))
        check(got == d, f"datagrams with USO {state}")
        equal(port_stats(rig)["rx_super"] - before, int(state == "on"),
              f"superpackets with USO {state}")


@case(*ALL, plain=False, timeout=90)
def test_mtu(rig):
    """ip link set gust0 mtu 9000, 1280 and 1500 in the middle of transfers."""
    with contextlib.ExitStack() as st:
        t = Traffic(rig)
        st.callback(t.stopping.set)
        t.moves()
        for mtu in (9000, 1500, 1280, 1500):
            rig.inside("ip", "link", "set", "gust0", "mtu", mtu)
            until(lambda m=mtu: rig.status()["interface"]["mtu"] == m, 3, f"mtu {mtu} in status")
            t.moves()
            time.sleep(0.1)
            # a connection made now uses it at once
            a, b = rig.pair(4)
            nssock.transfer(b, a, 1 << 20)
            nssock.transfer(a, b, 1 << 20)
            mss = rig.mss(a)
            check(mtu - 60 <= mss <= mtu - 40, f"MSS {mss} at MTU {mtu}")
            a.close()
            b.close()
        rig.note(f"{t.finish() >> 20} MiB")


@case(*SOME, plain=False, quick=False)
def test_mtu_udp(rig):
    """Large datagrams around MTU changes."""
    e = rig.echo(4)
    s = rig.keep(nssock.udp(rig.I, to=(STACK[4], e.port)))
    for mtu in (1500, 9000, 1300, 1500):
        rig.inside("ip", "link", "set", "gust0", "mtu", mtu)
        until(lambda m=mtu: rig.status()["interface"]["mtu"] == m, 3, f"mtu {mtu} in status")
        for size in (100, 1400, 5000, 8972, 20000):
            s.send(nssock.pattern(mtu, size))
            equal(len(s.recv(65536)), size, f"echo at MTU {mtu}")


@case("tun1", "tun2", plain=False)
def test_peer_live(rig):
    """ip addr add ... peer ...: the peer is the stack's own address from then on."""
    for fam, addr, peer in ((4, "10.112.0.1", "10.112.0.2"), (6, "fd00:112::1", "fd00:112::2")):
        def own(peer=peer):
            return peer in rig.status()["stack"]["addresses"]
        check(not own(), "the address is known already")
        rig.inside("ip", "addr", "add", addr, "peer", peer, "dev", "gust0",
                   *(["nodad"] if fam == 6 else []))
        until(own, 3, f"{peer} as the stack's own")
        with listen(rig.H, FAM[fam], "127.0.0.1" if fam == 4 else "::1") as ls:
            c = rig.keep(connect(rig.I, peer, port_of(ls)))
            s = rig.keep(ls.accept()[0])
        nssock.transfer(c, s, 1 << 20)
        r = rig.inside("ping", "-n", "-q", "-c", "2", "-i", "0.01", peer, check=False)
        check(" 2 received" in r.stdout, r.stdout)
        c.close()
        s.close()
        until(lambda: not rig.status()["flows"]["tcp"], 5, "the connection to end")
        rig.inside("ip", "addr", "del", addr, "peer", peer, "dev", "gust0")
        until(lambda: not own(), 3, f"{peer} forgotten")
        with listen(rig.H, FAM[fam], "127.0.0.1" if fam == 4 else "::1") as ls:
            check(nssock.errno_of(connect, rig.I, peer, port_of(ls), 2),
                  "an address that is gone still reaches the host's loopback")
        check(STACK[fam] in rig.status()["stack"]["addresses"], "the other address stays")


@case(*SOME, plain=False, timeout=90)
def test_down_up(rig):
    """Down and up again: open connections go on."""
    a, b = rig.pair(4)
    nssock.transfer(b, a, 1 << 20)
    # a stream that runs into the pause
    n = rig.size(64 << 20, 16 << 20)
    p = [0]
    rx, tx = Job(recv_stream, a, n, progress=p), Job(send_stream, b, n)
    until(lambda: p[0] > n // 8, 10, "the stream to begin")
    rig.inside("ip", "link", "set", "gust0", "down")
    until(lambda: not rig.status()["interface"]["up"], 3, "status: down")
    time.sleep(0.5)
    was = p[0]
    time.sleep(0.3)
    check(p[0] - was < 1 << 20, "data while the interface is down")
    rig.inside("ip", "link", "set", "gust0", "up")
    until(lambda: rig.status()["interface"]["up"], 3, "status: up")
    tx.wait(40)
    rx.wait(40)
    nssock.transfer(a, b, 1 << 20)
    if rig.mode == "tap":
        rig.inside("ip", "route", "replace", "default", "via", STACK[4])
    else:
        rig.inside("ip", "route", "replace", "default", "dev", "gust0")
    a, b = rig.pair(4, world=True)
    nssock.transfer(a, b, 1 << 20)


@case(*SOME, plain=False)
def test_sizes(rig):
    """gro_max_size bounds what gust writes, from the moment it is changed."""
    a, b = rig.pair(4)
    nssock.transfer(b, a, 64 << 20)
    caps = rig.gust.ctl("features")["to_kernel"]
    if "big-tcp4" in caps["features"]:
        check(port_stats(rig)["tx_big"] > 0, "no packet above 64 KB towards the kernel")
    for fam in (4, 6):
        rig.inside("ip", "link", "set", "gust0", "gro_max_size", "65536")
    until(lambda: rig.gust.ctl("features")["to_kernel"]["gso_max_size_ipv6"] <= 65536, 5,
          "the new limit in gustctl features")
    a, b = rig.pair(6)
    before = port_stats(rig)["tx_big"]
    nssock.transfer(b, a, 32 << 20)
    equal(port_stats(rig)["tx_big"], before, "packets above 64 KB")
    equal(rig.stats()["total"]["tcp"]["timeouts"], 0, "retransmission timeouts")


@case(*SOME, plain=False, quick=False)
def test_queue_is_enough(rig):
    """A transfer of some size neither overruns the interface nor repeats much."""
    for fam in (4, 6):
        a, b = rig.pair(fam)
        nssock.transfer(b, a, 200 << 20 if not rig.quick else 32 << 20)
        nssock.transfer(a, b, 200 << 20 if not rig.quick else 32 << 20)
    s = rig.stats()["total"]
    check(s["tcp"]["timeouts"] == 0, f"timeouts: {s['tcp']}")
    check(s["tcp"]["retransmitted"] < 100, f"retransmitted: {s['tcp']['retransmitted']}")
    bad = {k: v for k, v in s["refused"].items() if v}
    check(not bad, f"the kernel refused: {bad}")


@case(*PAIR, plain=False)
def test_features_negotiated(rig):
    """On this kernel the self-test proves what the interface is for: each fact
    of a feature agrees with the others."""
    f = rig.gust.ctl("features")
    by = {x["name"]: x for x in f["features"]}
    kernel = dict(re.findall(r"^\s*([\w-]+): (on|off)", rig.inside(
        "ethtool", "-k", "gust0").stdout, re.M))
    for name in ("tx-checksum-ip-generic", "tx-tcp-segmentation", "tx-tcp6-segmentation",
                 "tx-udp-segmentation"):
        if kernel.get(name) is None:
            continue
        equal(by[name]["from_kernel"], kernel[name] == "on", f"{name} from the kernel")
        equal(by[name]["active"], kernel[name] == "on", f"{name} active")
    st = rig.status()["selftest"]
    check(not st["tried"] or "tx-checksum-ip-generic" in st["ok"],
          f"self-test: {st['why']} (ok: {st['ok']})")
    for x in f["features"]:
        check(not (x["to_kernel"] and x["proven"] == "no"), f"{x['name']} is used but disproven")
