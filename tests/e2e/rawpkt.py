# SPDX-License-Identifier: BSD-2-Clause
"""Packets made byte by byte, and a way to hand them to gust: a packet socket
on gust0 inside."""
import json
import random
import socket
import struct

import nssock

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def csum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return s ^ 0xFFFF


def raw(addr):
    return socket.inet_pton(socket.AF_INET6 if ":" in addr else socket.AF_INET, addr)


def ip4(src, dst, proto, body, ttl=64, ident=0, frag=0, options=b"", tot_len=None, ver=4,
        ihl=None, bad_csum=False):
    ihl = 5 + len(options) // 4 if ihl is None else ihl
    n = 20 + len(options) + len(body) if tot_len is None else tot_len
    h = struct.pack("!BBHHHBBH", ver << 4 | ihl, 0, n & 0xFFFF, ident, frag, ttl, proto, 0) + \
        raw(src) + raw(dst) + options
    c = csum(h) ^ (0x1111 if bad_csum else 0)
    return h[:10] + struct.pack("!H", c) + h[12:] + body


def ip6(src, dst, nh, body, hop=64, plen=None, ver=6):
    return struct.pack("!IHBB", ver << 28, len(body) if plen is None else plen, nh, hop) + \
        raw(src) + raw(dst) + body


def pseudo(src, dst, proto, n):
    s, d = raw(src), raw(dst)
    if len(s) == 4:
        return s + d + struct.pack("!BBH", 0, proto, n)
    return s + d + struct.pack("!IHBB", n, 0, 0, proto)


def tcp(src, dst, sport, dport, flags, seq=0, ack=0, data=b"", options=b"", off=None, win=65535,
        bad_csum=False, urg=0):
    off = 5 + len(options) // 4 if off is None else off
    h = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, off << 4, flags, win, 0, urg) + options
    c = csum(pseudo(src, dst, TCP, len(h) + len(data)) + h + data) ^ (0x2222 if bad_csum else 0)
    return h[:16] + struct.pack("!H", c) + h[18:] + data


def udp(src, dst, sport, dport, data=b"", length=None, bad_csum=False, no_csum=False):
    n = 8 + len(data) if length is None else length
    h = struct.pack("!HHHH", sport, dport, n, 0)
    c = csum(pseudo(src, dst, UDP, n) + h + data) or 0xFFFF
    c = 0 if no_csum else c ^ (0x3333 if bad_csum else 0)
    return h[:6] + struct.pack("!H", c) + data


def icmp(kind, code, rest=b"\0\0\0\0", data=b"", bad_csum=False):
    b = struct.pack("!BBH", kind, code, 0) + rest + data
    return b[:2] + struct.pack("!H", csum(b) ^ (0x4444 if bad_csum else 0)) + b[4:]


def icmp6(src, dst, kind, code, rest=b"\0\0\0\0", data=b"", bad_csum=False):
    b = struct.pack("!BBH", kind, code, 0) + rest + data
    c = csum(pseudo(src, dst, ICMP6, len(b)) + b) ^ (0x4444 if bad_csum else 0)
    return b[:2] + struct.pack("!H", c) + b[4:]


class Nowhere:
    """Takes the place of a Wire and leads to an interface that drops all."""

    def __init__(self, rig):
        ns = rig.lab.space(f"F{len(rig.lab.spaces)}")
        rig.run(ns, "ip", "link", "add", "f0", "type", "veth", "peer", "name", "f1")
        for dev in ("f0", "f1"):
            rig.run(ns, "ip", "link", "set", dev, "up")
        self.sock = rig.keep(nssock.make(ns, socket.AF_PACKET, socket.SOCK_RAW))
        with nssock.inside(ns):
            self.sock.bind(("f0", 0))
        self.eth = b"\x02\0\0\0\0\1" * 2

    def frame(self, packet):
        return self.eth + struct.pack("!H", ETH_P_IP) + packet


class Wire:
    """Puts packets on gust0 from the inside. On a tap an Ethernet header is
    added that names the stack."""

    def __init__(self, rig, timeout=2):
        self.rig = rig
        self.sock = rig.keep(nssock.make(rig.I, socket.AF_PACKET, socket.SOCK_RAW, 0, timeout))
        with nssock.inside(rig.I):
            self.sock.bind(("gust0", ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        self.eth = b""
        if rig.mode == "tap":
            mine = json.loads(rig.inside("ip", "-j", "link", "show", "gust0").stdout)[0]["address"]
            theirs = rig.status()["stack"]["mac"]
            self.eth = bytes.fromhex((theirs + mine).replace(":", ""))

    def frame(self, packet):
        if not self.eth:
            return packet
        kind = ETH_P_IPV6 if packet and packet[0] >> 4 == 6 else ETH_P_IP
        return self.eth + struct.pack("!H", kind) + packet

    def send(self, packet):
        """False: the kernel itself did not take it (queue full, too short)."""
        try:
            if self.eth:
                self.sock.send(self.frame(packet))
            else:
                kind = ETH_P_IPV6 if packet and packet[0] >> 4 == 6 else ETH_P_IP
                self.sock.sendto(packet, ("gust0", kind))
        except OSError:
            return False
        return True

    def answers(self, want, timeout=1.0):
        """Wait for a packet from gust for which WANT(packet) is true."""
        self.sock.settimeout(timeout)
        try:
            while True:
                data, info = self.sock.recvfrom(65536)
                if info[2] == socket.PACKET_OUTGOING:
                    continue
                p = data[len(self.eth) and 14:]
                if want(p):
                    return p
        except TimeoutError:
            return None


def mutations(packet, rnd, n):
    """N damaged copies: bits, cuts, repeats, extremes."""
    for _ in range(n):
        p = bytearray(packet)
        for _ in range(rnd.randrange(1, 4)):
            k = rnd.randrange(5)
            if k == 0 and p:
                p[rnd.randrange(len(p))] ^= 1 << rnd.randrange(8)
            elif k == 1 and p:
                p[rnd.randrange(min(len(p), 64))] = rnd.choice((0, 1, 0x7F, 0x80, 0xFF))
            elif k == 2 and len(p) > 1:
                del p[rnd.randrange(1, len(p)):]
            elif k == 3:
                p += rnd.randbytes(rnd.randrange(1, 100))
            elif p:
                i = rnd.randrange(len(p))
                p[i:i] = p[i:i + rnd.randrange(1, 40)]
        yield bytes(p[:1500])


def rng(seed):
    return random.Random(seed)
