# SPDX-License-Identifier: BSD-2-Clause
"""The four facts about each offload, as the administrator changes them, and the
self-test while traffic runs."""
import contextlib
import os
import struct
import subprocess
import time

import nssock
from case_daemon import NOBODY, Unprivileged
from case_link import Traffic, ethtool
from nssock import connect, listen, port_of
from rig import ALL, FAM, ONE, PAIR, ROOT, SOME, STACK, case, check, count_fds, equal, until

FROM, TO = "from_kernel", "to_kernel"
TSO = "tx-tcp-segmentation"


def facts(rig):
    return {f["name"]: f["facts"] for f in rig.gust.ctl("features")["features"]}


def fact(rig, name, direction):
    return facts(rig)[name][direction]


def wait_why(rig, name, direction, why):
    """Within a second."""
    until(lambda: fact(rig, name, direction)["why"] == why, 1,
          f"{name} {direction}: {why!r} (is {fact(rig, name, direction)})")


def kernel_says(rig, name):
    for line in rig.inside("ethtool", "-k", "gust0").stdout.splitlines():
        if line.strip().startswith(name + ":"):
            return line.split(":")[1].split()[0]
    return None


def selftest(rig):
    st = rig.gust.ctl("selftest")
    check(st["tried"], f"the self-test was not possible: {st['why']}")
    check(st["took_us"] < (1000000 if not rig.sanitized else 5000000),
          f"the self-test took {st['took_us']} us")
    return st


@case(*SOME, plain=False)
def test_facts_hold(rig):
    """The law of the four facts: in use is what is wanted, granted and not
    disproven; the rest has a reason; capabilities and facts are one."""
    f = rig.gust.ctl("features")
    seen = set()
    for x in f["features"]:
        for d in (FROM, TO):
            t = x["facts"][d]
            seen.add(t["why"])
            equal(t["in_use"], x["name"] in f[d]["features"], f"{x['name']} {d} in use")
            equal(t["in_use"], t["why"] == "in use", f"{x['name']} {d}: {t}")
            if t["in_use"]:
                check(t["wanted"] and t["granted"] and t["proven"] != "disproven",
                      f"{x['name']} {d} is used: {t}")
            else:
                check(t["means"], "a reason is explained")
    check({"in use", "not here", "not configured"} <= seen, f"reasons: {seen}")
    for fam, name in ((4, TSO), (6, "tx-tcp6-segmentation")):
        a, b = rig.pair(fam)
        nssock.transfer(a, b, 8 << 20)
        nssock.transfer(b, a, 8 << 20)
        for d in (FROM, TO):
            u = fact(rig, name, d)["used"]
            check(u["superpackets"] > 0 and u["bytes"] > 7 << 20, f"{name} {d}: {u}")
    if fact(rig, "big-tcp4", TO)["in_use"]:
        check(fact(rig, "big-tcp4", TO)["used"]["superpackets"] > 0, "BIG TCP is used")


@case(*SOME, plain=False, timeout=90)
def test_selftest_live(rig):
    """The self-test again and again in the middle of transfers: nothing is lost,
    nothing of it is left, and nothing else changes."""
    before = rig.gust.ctl("features")
    drops = rig.drops()
    with contextlib.ExitStack() as st:
        t = Traffic(rig)
        st.callback(t.stopping.set)
        t.moves()
        fds = count_fds(rig.gust.pid)
        took = []
        for _ in range(5):
            r = selftest(rig)
            took.append(r["took_us"])
            equal(r["cause"], "request", "cause")
            check("gustprobe0" not in rig.run(rig.H, "ip", "-o", "link").stdout,
                  "the scratch interface is seen")
            t.moves()
        until(lambda: count_fds(rig.gust.pid) <= fds + 1, 3, "descriptors of the self-test")
        t.finish()
    s = rig.stats()["total"]
    equal(s["tcp"]["timeouts"], 0, "retransmission timeouts")
    # (what the inside's kernel says to everybody on a tap is for nobody, and a copy
    # that a busy machine made it send, or that came late, is no loss)
    theirs = ("scope", "not_for_us", "tcp_dup", "tcp_paws")
    equal({k: v - drops[k] for k, v in s["drops"].items()
           if v != drops[k] and k not in theirs}, {}, "drops")
    after = rig.gust.ctl("features")
    equal([after[d] for d in (FROM, TO)], [before[d] for d in (FROM, TO)], "capabilities")
    r = selftest(rig)
    ok = [c for c in r["cells"] if c["verdict"] == "ok"]
    check(len(ok) > 40, f"{len(ok)} tests are ok")
    for d in (FROM, TO):
        check(TSO in r["proven"][d], f"TSO {d}")
        check(not set(r["proven"][d]) & set(r["disproven"][d]), "proven and disproven")
    for c in r["cells"]:
        check(bool(c["why"]) == (c["verdict"] != "ok"), f"reason of {c}")
    rig.note(f"{max(took) / 1000:.0f} ms")


@case(*SOME, plain=False, timeout=90)
def test_administrator_in_facts(rig):
    """ethtool -K is seen within a second; neither a re-negotiation nor a self-test
    overrules it."""
    for what, name, direction, because in (("tso", TSO, FROM, TSO), ("gro", TSO, TO, "rx-gro")):
        equal(fact(rig, name, direction)["why"], "in use", f"{name} {direction} to begin with")
        ethtool(rig, what, "off")
        wait_why(rig, name, direction, "administrator")
        equal(fact(rig, name, direction)["because"], because, "because")
        check(not fact(rig, name, direction)["wanted"], f"{name} is wanted by nobody")
        # what makes us negotiate again
        selftest(rig)
        rig.inside("ip", "link", "set", "gust0", "mtu", "1400")
        until(lambda: rig.status()["interface"]["mtu"] == 1400, 2, "the MTU in status")
        rig.inside("ip", "link", "set", "gust0", "mtu", "1500")
        until(lambda: rig.status()["interface"]["mtu"] == 1500, 2, "the MTU in status")
        equal(fact(rig, name, direction)["why"], "administrator", "still")
        if what == "tso":
            equal(kernel_says(rig, "tx-tcp-segmentation"), "off", "ethtool -k")
        else:
            equal(kernel_says(rig, "generic-receive-offload"), "off", "ethtool -k")
        ethtool(rig, what, "on")
        wait_why(rig, name, direction, "in use")


def sizes(rig, run):
    """IP lengths of the packets that come out of gust0 into the inside while RUN
    does its work, seen by tcpdump."""
    path = os.path.join(rig.lab.dir, f"sizes-{time.monotonic_ns()}.pcap")
    p = rig.lab.start(rig.I, "tcpdump", "-i", "gust0", "-Q", "in", "-s", "64", "-U",
                      "--immediate-mode", "-B", "32768", "-Z", "root", "-w", path, "tcp")
    until(lambda: os.path.exists(path) and os.path.getsize(path) >= 24, 5, "tcpdump")
    run()
    time.sleep(0.3)
    rig.lab.stop(p)
    with open(path, "rb") as f:
        d = f.read()
    off, found = 24, []
    while off + 16 <= len(d):
        caplen, length = struct.unpack_from("=II", d, off + 8)
        found.append(length)
        off += 16 + caplen
    return found


@case(*SOME, plain=False)
def test_gro_off_shows_single_packets(rig):
    """ethtool -K gust0 gro off: every packet that the inside sees is one that could
    have been on a wire."""
    def load():
        a, b = rig.pair(4)
        nssock.transfer(b, a, 4 << 20)
        a.close()
        b.close()
    link = 14 if rig.mode == "tap" else 0
    big = sizes(rig, load)
    check(max(big) > 20000, f"superpackets to begin with: largest {max(big)}")
    ethtool(rig, "gro", "off")
    wait_why(rig, TSO, TO, "administrator")
    small = sizes(rig, load)
    check(max(small) <= 1500 + link, f"a packet of {max(small)} bytes")
    check(len(small) > (4 << 20) / 1500, f"{len(small)} packets")
    ethtool(rig, "gro", "on")
    wait_why(rig, TSO, TO, "in use")
    check(max(sizes(rig, load)) > 20000, "superpackets again")


class Jailed(Unprivileged):
    """Without capabilities and in a chroot, where no user namespace is to be had."""

    def start(self):
        jail = os.path.join(self.lab.dir, "jail")
        os.makedirs(jail, exist_ok=True)
        i = self.wrap.index("setpriv")
        self.wrap[2] = self.wrap[2].replace(
            'exec "$@"', f'mount --rbind / {jail} && exec chroot {jail} "$@"')
        check("chroot" in self.wrap[2] and i, "the wrapper")
        super().start()


@case(*PAIR, plain=False, own=True)
def test_unproven(rig):
    """Where no scratch namespace is permitted nothing is proven; offloads are used
    all the same and counted, and the daemon says why."""
    ns = rig.lab.space(f"J{len(rig.lab.spaces)}")
    rig.run(ns, "ip", "tuntap", "add", "dev", "gust0", "mode", rig.mode, "user", NOBODY,
            "multi_queue", "vnet_hdr")
    rig.run(ns, "ip", "link", "set", "gust0", "up")
    rig.run(ns, "ip", "addr", "add", "10.111.0.1", "peer", STACK[4], "dev", "gust0")
    g = Jailed(rig, ns, rig.mode, rig.workers)
    g.fds0, g.rss0 = count_fds(g.pid), 0
    rig.gusts.append(g)
    rig.gust = g
    f = g.ctl("features")
    check("no scratch network namespace" in (f["unproven_because"] or ""),
          f"unproven because: {f['unproven_because']}")
    t = fact(rig, TSO, TO)
    equal((t["proven"], t["in_use"]), ("unproven", True), f"{t}")
    equal(fact(rig, TSO, FROM)["proven"], "unproven", "from the kernel")
    # nothing announces it: without a proof it is not used
    check(not fact(rig, "big-tcp4", TO)["in_use"], "BIG TCP without a proof")
    with listen(ns, FAM[4]) as ls:
        c = rig.keep(connect(ns, STACK[4], port_of(ls)))
        s = rig.keep(ls.accept()[0])
    nssock.transfer(c, s, 8 << 20)
    nssock.transfer(s, c, 8 << 20)
    for d in (FROM, TO):
        check(fact(rig, TSO, d)["used"]["superpackets"] > 0, f"superpackets {d}")
    st = g.ctl("selftest")
    check(not st["tried"] and not st["cells"], f"{st}")
    text = ctl_text(rig, "features") + ctl_text(rig, "selftest")
    check("Nothing is proven" in text and "not possible" in text, text)


def ctl_text(rig, *args):
    return rig.run(rig.gust.host, os.path.join(ROOT, rig.gust.build, "gustctl"), "-s",
                   rig.gust.sock, *args).stdout


@case(*ONE, plain=False)
def test_tables(rig):
    """What people read: the table of facts and the matrix."""
    ethtool(rig, "tso", "off")
    wait_why(rig, TSO, FROM, "administrator")
    text = ctl_text(rig, "features")
    rows = [line.split() for line in text.splitlines()]
    head = next(r for r in rows if r and r[0] == "FEATURE")
    equal(head[:5], ["FEATURE", "USE", "WANTED", "GRANTED", "PROVEN"], "columns")
    first = [r for r in rows if r and r[0] == TSO]
    equal(len(first), 2, "once for each direction")
    equal(first[0][1:5], ["off", "no", "yes", "proven"], "from the kernel")
    equal(first[0][-1], "administrator", "why not")
    equal(first[1][1:5], ["on", "yes", "yes", "proven"], "to the kernel")
    check("administrator: ethtool has it off" in text, "the reason is explained")
    text = ctl_text(rig, "selftest")
    rows = [line.split() for line in text.splitlines()]
    equal(rows[0], ["FEATURE", "DIRECTION", "IP", "full", "short", "one", "off"], "columns")
    check([TSO, "to", "kernel", "IPv4", "ok", "ok", "ok", "-"] in rows, text)
    check([TSO, "from", "kernel", "IPv4", "ok", "ok", "ok", "ok"] in rows, text)
    check(" tests on a scratch tun, " in text, text)
    r = rig.run(rig.gust.host, os.path.join(ROOT, rig.gust.build, "gustctl"), "-s",
                rig.gust.sock, "selftest", "more", check=False)
    equal(r.returncode, 2, "exit status of a wrong command line")


@case(*ALL, plain=False)
def test_stop_in_selftest(rig):
    """The daemon stops while a self-test runs: at once, and its process with it."""
    clients = [subprocess.Popen(
        rig.lab.argv(rig.gust.host, [os.path.join(ROOT, rig.gust.build, "gustctl"), "-s",
                                     rig.gust.sock, "--json", "selftest"]),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
    pid = rig.gust.pid

    def children():
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                return f.read().split()
        except FileNotFoundError:
            return []
    end, seen = time.monotonic() + 2, []
    while not seen and time.monotonic() < end:
        seen = children()
    rig.stop(rig.gust)
    for c in clients:
        c.wait(10)
    for child in seen:
        check(not os.path.exists(f"/proc/{child}"), "the self-test's process is still there")
