# SPDX-License-Identifier: BSD-2-Clause
"""Packets that lie, overlap, flood or make no sense: each is dropped for a
reason with a name, and what is honest goes on."""
import socket
import struct
import threading
import time

import nssock
import rawpkt as r
from nssock import Job, listen, port_of, recv_stream, send_stream
from rawpkt import ACK, FIN, ICMP, RST, SYN, TCP, UDP, URG, Wire
from rig import (ALL, INSIDE, PAIR, SOME, STACK, WORLD, case, check, count_fds, equal,
                 rss_bytes, until)

A4, S4, A6, S6 = INSIDE[4], STACK[4], INSIDE[6], STACK[6]


# without a connection, impossible flags are first of all that
FLAGS = ("bad_tcpflags", "tcp_state", "tcp_no_flow")


def bad_packets():
    """(name of the drop counter, packet)"""
    def t4(*a, **k):
        return r.tcp(A4, S4, *a, **k)

    def t6(*a, **k):
        return r.tcp(A6, S6, *a, **k)
    syn4, syn6 = t4(999, 80, SYN), t6(999, 80, SYN)
    u4, u6 = r.udp(A4, S4, 999, 53, b"data"), r.udp(A6, S6, 999, 53, b"data")
    yield "bad_version", b"\x95" + r.ip4(A4, S4, TCP, syn4)[1:]
    yield "bad_ihl", r.ip4(A4, S4, TCP, syn4, ihl=4)
    yield "bad_ihl", r.ip4(A4, S4, TCP, syn4, ihl=15)
    yield "bad_ipcsum", r.ip4(A4, S4, TCP, syn4, bad_csum=True)
    yield "bad_len", r.ip4(A4, S4, TCP, syn4, tot_len=2000)
    yield "bad_len", r.ip4(A4, S4, TCP, syn4, tot_len=19)
    yield "bad_len", r.ip6(A6, S6, TCP, syn6, plen=2000)
    yield "bad_csum", r.ip4(A4, S4, TCP, t4(999, 80, SYN, bad_csum=True))
    yield "bad_csum", r.ip6(A6, S6, TCP, t6(999, 80, SYN, bad_csum=True))
    yield "bad_csum", r.ip4(A4, S4, UDP, r.udp(A4, S4, 9, 9, b"x", bad_csum=True))
    yield "bad_csum", r.ip6(A6, S6, UDP, r.udp(A6, S6, 9, 9, b"x", no_csum=True))
    yield "bad_csum", r.ip4(A4, S4, ICMP, r.icmp(8, 0, data=b"ping", bad_csum=True))
    yield "bad_tcphdr", r.ip4(A4, S4, TCP, t4(999, 80, SYN, off=4))
    yield "bad_tcphdr", r.ip4(A4, S4, TCP, t4(999, 80, SYN, off=15))
    yield "bad_tcphdr", r.ip6(A6, S6, TCP, t6(999, 80, SYN, off=15))
    yield FLAGS, r.ip4(A4, S4, TCP, t4(999, 80, SYN | FIN))
    yield FLAGS, r.ip4(A4, S4, TCP, t4(999, 80, SYN | RST))
    yield FLAGS, r.ip6(A6, S6, TCP, t6(999, 80, 0))
    yield FLAGS, r.ip4(A4, S4, TCP, t4(999, 80, FIN | URG | 8))
    yield "bad_udplen", r.ip4(A4, S4, UDP, r.udp(A4, S4, 9, 9, b"x", length=7))
    yield "bad_udplen", r.ip4(A4, S4, UDP, r.udp(A4, S4, 9, 9, b"x", length=900))
    yield "bad_udplen", r.ip6(A6, S6, UDP, r.udp(A6, S6, 9, 9, b"x", length=900))
    yield "short", r.ip4(A4, S4, TCP, syn4[:12])
    yield "short", r.ip4(A4, S4, UDP, u4[:6])
    yield "short", r.ip6(A6, S6, TCP, syn6[:12])
    yield "martian", r.ip4("127.0.0.1", S4, UDP, r.udp("127.0.0.1", S4, 9, 9))
    yield "martian", r.ip4(S4, S4, TCP, r.tcp(S4, S4, 80, 80, SYN))
    yield "martian", r.ip4("224.0.0.1", S4, UDP, r.udp("224.0.0.1", S4, 9, 9))
    yield "martian", r.ip6("::1", S6, UDP, r.udp("::1", S6, 9, 9))
    yield "martian", r.ip6("ff02::1", S6, UDP, r.udp("ff02::1", S6, 9, 9))
    yield "scope", r.ip4(A4, "224.0.0.251", UDP, r.udp(A4, "224.0.0.251", 5353, 5353))
    yield "scope", r.ip4(A4, "255.255.255.255", UDP, r.udp(A4, "255.255.255.255", 68, 67))
    yield "scope", r.ip6(A6, "ff02::fb", UDP, r.udp(A6, "ff02::fb", 5353, 5353))
    yield "ttl", r.ip4(A4, WORLD[4], UDP, r.udp(A4, WORLD[4], 9, 9), ttl=1)
    yield "ttl", r.ip6(A6, WORLD[6], UDP, r.udp(A6, WORLD[6], 9, 9), hop=1)
    yield "no_proto", r.ip4(A4, WORLD[4], 132, b"sctp?" * 8)
    yield "no_proto", r.ip6(A6, WORLD[6], 132, b"sctp?" * 8)
    # source routing (RFC 7126 4.3)
    yield "ip_option", r.ip4(A4, S4, UDP, u4, options=b"\x83\x07\x04\x0a\x6f\x00\x01\x00")
    yield "bad_exthdr", r.ip6(A6, S6, 0, bytes([TCP, 20]) + b"\0" * 6 + syn6)
    yield "bad_exthdr", r.ip6(A6, S6, 60, bytes([0, 0, 1, 4, 0, 0, 0, 0]) +
                              bytes([UDP, 0, 1, 4, 0, 0, 0, 0]) + u6)
    yield "tcp_no_flow", r.ip4(A4, S4, TCP, t4(999, 81, ACK, seq=5, ack=7))
    yield "tcp_no_flow", r.ip6(A6, S6, TCP, t6(999, 81, ACK, seq=5, ack=7))
    unreach = r.ip4(S4, A4, TCP, r.tcp(S4, A4, 8888, 7777, ACK))[:28]
    yield "icmp_no_flow", r.ip4(A4, S4, ICMP, r.icmp(3, 3, data=unreach))
    yield "bad_icmp", r.ip4(A4, S4, ICMP, r.icmp(3, 3, data=b"\x45\0\0"))
    # fragments: offset beyond 64 KB, odd length in the middle, no room for a header
    yield "frag_bad", r.ip4(A4, S4, UDP, b"x" * 1400, frag=0x1FFF, ident=1)
    yield "frag_bad", r.ip4(A4, S4, UDP, b"x" * 13, frag=0x2000, ident=2)
    yield "frag_tiny", r.ip4(A4, S4, TCP, syn4[:8], frag=0x2000, ident=3)


@case(*ALL, plain=False, light=True)
def test_malformed(rig):
    """One packet of every kind that is wrong: its own counter counts it."""
    w = Wire(rig)
    wrong = []
    for name, packet in bad_packets():
        names = (name,) if isinstance(name, str) else name
        before = rig.drops()
        if not w.send(packet):
            continue  # this one the kernel does not even let out
        end = time.monotonic() + 1.5
        while True:
            after = rig.drops()
            moved = [k for k in after if after[k] != before[k]]
            if set(moved) & set(names):
                break
            if time.monotonic() > end:
                wrong.append(f"{packet[:44].hex()}: {name} expected, counted "
                             f"{moved or 'nothing'}")
                break
            time.sleep(0.005)
    check(not wrong, f"{len(wrong)} packets dropped under no or another name\n" +
          "\n".join(wrong))
    a, b = rig.pair(4)
    nssock.transfer(a, b, 1 << 20)


@case(*SOME, plain=False, light=True)
def test_fragment_attacks(rig):
    """Overlaps discard the datagram (RFC 5722); floods of first fragments meet
    a limit; honest fragments go on."""
    w = Wire(rig)
    e = rig.echo(4)
    whole = r.udp(A4, S4, 4444, e.port, b"z" * 2000)

    def frag(off, data, ident, more):
        return r.ip4(A4, S4, UDP, data, frag=off // 8 | (0x2000 if more else 0), ident=ident)
    before = rig.drops()
    w.send(frag(0, whole[:1000], 7, True))
    w.send(frag(992, whole[992:], 7, False))
    until(lambda: rig.drops()["frag_overlap"] > before["frag_overlap"], 2, "counter of overlaps")
    ext = struct.pack("!BBHI", UDP, 0, 1, 99)
    w.send(r.ip6(A6, S6, 44, ext + b"x" * 800))
    w.send(r.ip6(A6, S6, 44, struct.pack("!BBHI", UDP, 0, 792, 99) + b"y" * 100))
    until(lambda: rig.drops()["frag_overlap"] > before["frag_overlap"] + 1, 2,
          "counter of overlaps over IPv6")
    rss = rss_bytes(rig.gust.pid)
    for k in range(rig.size(20000, 3000)):
        w.send(r.ip4(f"10.111.{k >> 8 & 63}.{k & 255 or 1}", S4, UDP, b"f" * 1200, frag=0x2000,
                     ident=k & 0xFFFF))
    until(lambda: rig.drops()["frag_limit"] > 0, 3, "counter of the limit")
    grown = rss_bytes(rig.gust.pid) - rss
    check(grown < (256 if rig.sanitized else 48) << 20, f"memory grew by {grown >> 20} MiB")
    a, b = rig.pair(4)
    nssock.transfer(a, b, 1 << 20)


@case(*SOME, plain=False)
def test_mutations(rig):
    """Thousands of damaged packets of every protocol, beside honest traffic."""
    w = Wire(rig)
    e4, e6 = rig.echo(4), rig.echo(6)
    a, b = rig.pair(4)
    n = rig.size(3000, 400)
    seeds = [
        r.ip4(A4, S4, TCP, r.tcp(A4, S4, 1111, 80, SYN, options=b"\x02\x04\x05\xb4\x04\x02\x08\x0a"
                                 + b"\0" * 8 + b"\x01\x03\x03\x07")),
        r.ip6(A6, S6, TCP, r.tcp(A6, S6, 1111, 80, ACK, 1, 1, b"data" * 50)),
        r.ip4(A4, S4, UDP, r.udp(A4, S4, 2222, e4.port, b"payload" * 10)),
        r.ip6(A6, S6, UDP, r.udp(A6, S6, 2222, e6.port, b"payload" * 10)),
        r.ip4(A4, S4, ICMP, r.icmp(8, 0, b"\0\1\0\2", b"echo" * 10)),
        r.ip6(A6, S6, r.ICMP6, r.icmp6(A6, S6, 128, 0, b"\0\1\0\2", b"echo" * 10)),
        r.ip6(A6, S6, 0, bytes([60, 0, 1, 4, 0, 0, 0, 0, UDP, 0, 1, 4, 0, 0, 0, 0]) +
              r.udp(A6, S6, 2222, e6.port, b"extended")),
        r.ip6(A6, S6, 44, struct.pack("!BBHI", UDP, 0, 1, 5) + b"fragment" * 20),
        r.ip4(A4, S4, ICMP, r.icmp(3, 4, b"\0\0\2\x40", r.ip4(S4, A4, TCP, r.tcp(
            S4, A4, port_of(b), port_of(a), ACK, 77))[:28])),
        r.ip6(A6, S6, r.ICMP6, r.icmp6(A6, S6, 2, 0, b"\0\0\5\0", r.ip6(S6, A6, UDP, b"x" * 40))),
    ]
    rnd = r.rng(42)
    job = Job(recv_stream, b, 8 << 20)
    tx = Job(send_stream, a, 8 << 20)
    sent = sum(w.send(p) for seed in seeds for p in r.mutations(seed, rnd, n))
    tx.wait()
    job.wait()
    rig.note(f"{sent} packets")
    check(sum(rig.drops().values()) > sent // 10, "hardly anything was dropped")
    nssock.transfer(a, b, 1 << 20)
    s = rig.keep(nssock.udp(rig.I, to=(STACK[6], e6.port)))
    s.send(b"still there")
    equal(s.recv(100), b"still there", "echo")


@case(*PAIR, plain=False, light=True)
def test_blind_attacks(rig):
    """Guesses at a connection's sequence numbers do not disturb it (RFC 5961),
    nor does an ICMP error that quotes a wrong one (RFC 5927)."""
    w = Wire(rig)
    for fam, mine, theirs in ((4, A4, S4), (6, A6, S6)):
        ip = (lambda p: r.ip4(A4, S4, TCP, p)) if fam == 4 else (lambda p: r.ip6(A6, S6, TCP, p))
        a, b = rig.pair(fam)
        nssock.transfer(a, b, 100000)
        sp, dp = port_of(a), a.getpeername()[1]
        rnd = r.rng(9)
        for k in range(300):
            seq = rnd.randrange(1 << 32)
            for flags in (RST, RST | ACK, SYN, SYN | ACK, ACK, FIN | ACK):
                w.send(ip(r.tcp(mine, theirs, sp, dp, flags, seq, seq ^ 0x5555, b"evil")))
        quoted = r.tcp(theirs, mine, dp, sp, ACK, 12345)
        if fam == 4:
            w.send(r.ip4(A4, S4, ICMP, r.icmp(3, 3, data=r.ip4(S4, A4, TCP, quoted)[:28])))
            w.send(r.ip4(A4, S4, ICMP, r.icmp(3, 4, b"\0\0\0\x44",
                                              r.ip4(S4, A4, TCP, quoted)[:28])))
        else:
            w.send(r.ip6(A6, S6, r.ICMP6, r.icmp6(A6, S6, 1, 4, data=r.ip6(
                S6, A6, TCP, quoted))))
        nssock.transfer(a, b, 1 << 20)
        nssock.transfer(b, a, 1 << 20)
        check(rig.mss(a) > 1400, f"MSS {rig.mss(a)} after a forged \"too big\"")


def flood(rig, w, count, rate, dst, dport):
    """COUNT SYNs from as many sources, RATE a second, checksums right: what
    the changing fields add is taken out of fields that do not matter."""
    base = bytearray(w.frame(r.ip4("10.64.0.0", dst, TCP, r.tcp(
        "10.64.0.0", dst, 1024, dport, SYN, options=b"\x02\x04\x05\xb4"))))
    at = len(w.eth) + 2 if w.eth else 0

    def add(off, delta):
        """Ones' complement: add to a 16-bit field."""
        v = int.from_bytes(base[off:off + 2], "big") + delta
        base[off:off + 2] = ((v & 0xFFFF) + (v >> 16)).to_bytes(2, "big")
    sock, to = w.sock, ("gust0", r.ETH_P_IP)
    sent, refused, t0 = 0, 0, time.monotonic()
    sock.settimeout(0)
    prev_src = prev_port = None
    src_at, id_at, sport_at, seq_at = at + 14, at + 4, at + 20, at + 26
    for k in range(count):
        src, port = k % 60000, 1024 + k // 60000 * 7 % 60000
        if src != prev_src:
            old = int.from_bytes(base[src_at:src_at + 2], "big")
            base[src_at:src_at + 2] = src.to_bytes(2, "big")
            add(id_at, (old - src) % 0xFFFF)
            add(seq_at, (old - src) % 0xFFFF)
            prev_src = src
        if port != prev_port:
            old = int.from_bytes(base[sport_at:sport_at + 2], "big")
            base[sport_at:sport_at + 2] = port.to_bytes(2, "big")
            add(seq_at, (old - port) % 0xFFFF)
            prev_port = port
        try:
            if w.eth:
                sock.send(base)
            else:
                sock.sendto(base, to)
            sent += 1
        except OSError:
            refused += 1
        if k % 64 == 0:
            ahead = k / rate - (time.monotonic() - t0)
            if ahead > 0:
                time.sleep(ahead)
    return sent, refused, time.monotonic() - t0


def flood_case(rig, count, rate, fraction=0.5):
    """Speed of an established stream before and during the flood."""
    a, b = rig.pair(4)
    c, d = rig.pair(4)
    stop = threading.Event()
    up, down = [0], [0]
    jobs = [Job(send_stream, a, until=stop), Job(recv_stream, b, progress=up),
            Job(send_stream, d, until=stop), Job(recv_stream, c, progress=down)]
    time.sleep(0.3)
    # the speed beside a flood that goes elsewhere: sending one takes a share of
    # this machine by itself
    was = (up[0], down[0])
    *_, dt = flood(rig, r.Nowhere(rig), rate, rate, S4, 9)
    quiet = [(x - y) / dt for x, y in zip((up[0], down[0]), was)]
    rss, fds = rss_bytes(rig.gust.pid), count_fds(rig.gust.pid)
    before = rig.drops()
    was = (up[0], down[0])
    w = Wire(rig)
    total, took, peak, fd_peak = 0, 0.0, 0, 0
    # the stack's own service, a host that does not exist, a server that does
    with listen(rig.H, backlog=64) as ls:
        for dst, port in ((S4, 9), ("198.51.100.99", 80), (S4, port_of(ls))):
            sent, refused, dt = flood(rig, w, count // 3, rate, dst, port)
            total, took = total + sent, took + dt
            peak = max(peak, rss_bytes(rig.gust.pid))
            fd_peak = max(fd_peak, count_fds(rig.gust.pid))
            st = rig.status()["flows"]
            check(st["tcp_half_open"] <= 4096 * rig.workers, f"half-open: {st}")
    loud = [(x - y) / took for x, y in zip((up[0], down[0]), was)]
    stop.set()
    for s, rx in ((a, jobs[1]), (d, jobs[3])):
        jobs[0 if s is a else 2].wait()
        s.shutdown(socket.SHUT_WR)
        rx.wait()
    rig.note(f"{total} SYNs at {total / took / 1e3:.0f}k/s; up {quiet[0] * 8e-9:.1f} to "
             f"{loud[0] * 8e-9:.1f}, down {quiet[1] * 8e-9:.1f} to {loud[1] * 8e-9:.1f} Gbit/s")
    after = rig.drops()
    check(after["tcp_backlog"] > before["tcp_backlog"], "counter tcp_backlog")
    check(peak - rss < (600 if rig.sanitized else 128) << 20,
          f"memory grew by {(peak - rss) >> 20} MiB")
    check(fd_peak - fds < 4096 * rig.workers + 100, f"{fd_peak} descriptors")
    check(sum(loud) >= fraction * sum(quiet),
          f"{sum(loud) * 8e-9:.1f} Gbit/s during the flood, {sum(quiet) * 8e-9:.1f} before")
    a, b = rig.pair(6)
    nssock.transfer(a, b, 1 << 20)
    rig.half_open = True  # their SYN-ACKs are repeated for a minute


FLOOD = {"rest": "services { discard = true }\n"
         'tcp { time_wait = "300 ms" }\n'
         'relay { connect_timeout = "2 s" }\n'}


@case("tun1", "tap2", plain=False, conf=FLOOD, timeout=90)
def test_syn_flood(rig):
    flood_case(rig, rig.size(200000 if rig.mode == "tun" else 60000, 30000),
               20000 if rig.sanitized else 60000, 0.2 if rig.sanitized else 0.5)


@case("tun1", "tun2", plain=False, conf=FLOOD, timeout=180, long=True)
def test_syn_flood_million(rig):
    flood_case(rig, 1000000, 80000)


@case(*PAIR, plain=False, conf={"rest": "limits { udp_flows = 2000 }\n"
                                'udp { timeout = "2 s"\n timeout_oneway = "1 s"\n'
                                ' timeout_dns = "1 s" }\n'}, light=True)
def test_udp_flood(rig):
    """Datagrams from ever new ports fill the mappings up to the limit, no more."""
    w = Wire(rig)
    e = rig.echo(4, world=True)
    s = rig.keep(nssock.udp(rig.I, port=15000))
    s.connect((WORLD[4], e.port))
    s.send(b"old")
    equal(s.recv(10), b"old", "echo")
    for k in range(rig.size(10000, 4000)):
        w.send(r.ip4(A4, WORLD[4], UDP, r.udp(A4, WORLD[4], 16000 + k, e.port, b"flood")))
    until(lambda: rig.drops()["flow_limit"] > 0, 3, f"counter: {rig.drops()}")
    check(rig.status()["flows"]["udp"] <= 2000 * rig.workers, f"{rig.status()['flows']}")
    s.send(b"still")
    equal(s.recv(10), b"still", "the mapping from before")
    until(lambda: not rig.status()["flows"]["udp"], 8, "mappings to end")
    s.send(b"again")
    equal(s.recv(10), b"again", "a new mapping")


@case("tap1", "tap2", plain=False, light=True)
def test_arp_flood(rig):
    """Neighbours that do not exist, and thousands that claim to."""
    w = Wire(rig)
    a, b = rig.pair(4)  # (addresses are the stack's own from here on)
    own = bytes.fromhex(rig.status()["stack"]["mac"].replace(":", ""))
    for k in range(rig.size(6000, 1500)):
        mac = b"\x02\x67" + k.to_bytes(4, "big")
        arp = struct.pack("!HHBBH", 1, r.ETH_P_IP, 6, 4, 1) + mac + \
            socket.inet_aton(f"10.111.{k >> 8 & 255}.{k & 255 | 16}") + b"\0" * 6 + \
            socket.inet_aton(S4)
        w.sock.send(b"\xff" * 6 + mac + b"\x08\x06" + arp)
    for junk in (b"", b"\0", b"\0\1\x08\0\6\4\0\1", b"\xff" * 28):
        w.sock.send(own + b"\x02gust0" + b"\x08\x06" + junk)
    until(lambda: rig.drops()["bad_arp"] >= 3, 2, "counter bad_arp")
    w.sock.send(own + b"\x02gust0" + b"\x88\xcc" + b"lldp" * 10)
    until(lambda: rig.drops()["bad_ethertype"] > 0, 2, "counter bad_ethertype")
    w.sock.send(b"\x02\x99\x99\x99\x99\x99" + b"\x02gust0" + b"\x08\0" + r.ip4(
        A4, S4, ICMP, r.icmp(8, 0)))
    until(lambda: rig.drops()["not_for_us"] > 0, 2, "counter not_for_us")
    for fam in (4, 6):
        a, b = rig.pair(fam)
        nssock.transfer(a, b, 1 << 20)


@case("tap1", plain=False, light=True, quick=False)
def test_arp_conflict(rig):
    """Somebody claims the stack's own address: it is defended, and stays."""
    w = Wire(rig)
    a, b = rig.pair(4)
    claim = struct.pack("!HHBBH", 1, r.ETH_P_IP, 6, 4, 1) + b"\x02\x66\x66\x66\x66\x66" + \
        socket.inet_aton(S4) + b"\0" * 6 + socket.inet_aton(S4)
    # (the first second is duplicate address detection, in which the other wins)
    time.sleep(3)
    w.sock.send(b"\xff" * 6 + b"\x02\x66\x66\x66\x66\x66" + b"\x08\x06" + claim)
    w.sock.settimeout(2)
    own = bytes.fromhex(rig.status()["stack"]["mac"].replace(":", ""))
    try:
        while True:
            data, info = w.sock.recvfrom(2000)
            if data[6:12] == own and data[12:14] == b"\x08\x06" and \
                    data[28:32] == socket.inet_aton(S4):
                break
    except TimeoutError:
        raise AssertionError("the address was not defended (RFC 5227 2.4)") from None
    nssock.transfer(a, b, 1 << 20)
    rig.inside("ip", "neigh", "flush", "dev", "gust0")
    a, b = rig.pair(4)
    nssock.transfer(b, a, 1 << 20)
