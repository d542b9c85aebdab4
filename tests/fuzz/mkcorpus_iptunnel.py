#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpora of fuzz_ipip and fuzz_gre.

usage: mkcorpus_iptunnel.py DIRECTORY      (writes DIRECTORY/ipip and DIRECTORY/gre)

Two bytes (which tunnel, T_* of fuzztun.h), then the packet from the outer IP header.
"""
import os
import struct
import sys

FIX, GRE, PIECES, OK, IN, OWED = 1, 2, 4, 8, 16, 64
C, K, S = 0x80, 0x20, 0x10


def ip4(proto, body, tos=0, frag=0, opts=b""):
    return struct.pack(">BBHHHBBH4s4s", 0x45 + len(opts) // 4, tos,
                       20 + len(opts) + len(body), 7, frag, 64, proto, 0,
                       bytes([192, 0, 2, 2]), bytes([192, 0, 2, 1])) + opts + body


def ip6(nh, body, tc=0):
    end = bytes([0x20, 1, 0xD, 0xB8]) + bytes(11)
    return struct.pack(">IHBB", 6 << 28 | tc << 20, len(body), nh, 64) + \
        end + b"\2" + end + b"\1" + body


def udp(n=12):
    return struct.pack(">HHHH", 4000, 4001, 8 + n, 0) + bytes(range(n))


def tcp(n=20):
    return struct.pack(">HHIIBBHHH", 4000, 443, 1, 2, 0x50, 0x10, 999, 0, 0) + bytes(n)


def eth(kind, body):
    return bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]) + struct.pack(">H", kind) + body


def gre(bits, kind, body, key=7, seq=101, low=0):
    h = struct.pack(">BBH", bits, low, kind)
    if bits & C:
        h += bytes(4)
    if bits & K:
        h += struct.pack(">I", key)
    if bits & S:
        h += struct.pack(">I", seq)
    return h + body


IN4, IN6 = ip4(6, tcp()), ip6(17, udp())
ALL = FIX | IN
IPIP = {
    "ipip": (0, ALL, ip4(4, IN4)),
    "sit": (1, ALL, ip4(41, IN6)),
    "ip4ip6": (2, ALL, ip6(4, IN4)),
    "ip6ip6": (3, ALL, ip6(41, IN6)),
    "ecn": (0, ALL, ip4(4, ip4(17, udp(), tos=2), tos=3)),
    "ecn-drop": (3, ALL, ip6(41, IN6, tc=3)),
    "options": (0, ALL, ip4(4, IN4, opts=b"\x94\4\0\0")),
    "limit": (3, ALL, ip6(60, b"\x29\0\4\1\4\1\1\0" + IN6)),
    "fragment": (0, ALL, ip4(4, IN4, frag=0x2000)),
    "fragment6": (3, ALL, ip6(44, b"\x29\0\0\1\0\0\0\1" + IN6)),
    "inner-fragment": (0, ALL, ip4(4, ip4(17, udp(), frag=100))),
    "short": (0, ALL, ip4(4, IN4[:7])),
    "empty": (1, ALL, ip4(41, b"")),
    "version": (0, ALL, ip4(4, IN6)),
    "padded": (0, ALL, ip4(4, IN4 + bytes(9))),
    "pieces": (0, ALL | PIECES, ip4(4, ip4(6, tcp(900)))),
    "owed": (1, ALL | OWED | OK, ip4(41, IN6)),
    "nested": (0, ALL, ip4(4, ip4(4, IN4))),
    "any": (4, IN, ip4(4, IN4)),
}
GREALL = FIX | IN | GRE
GRES = {
    "plain": (0, GREALL, ip4(47, gre(0, 0x800, IN4))),
    "six": (8, GREALL, ip6(47, gre(0, 0x86DD, IN6))),
    "csum": (1, GREALL, ip4(47, gre(C, 0x86DD, IN6))),
    "csum-bad": (1, FIX | IN, ip4(47, gre(C, 0x86DD, IN6))),
    "key": (2, GREALL, ip4(47, gre(K, 0x800, IN4))),
    "key-other": (2, GREALL, ip4(47, gre(K, 0x800, IN4, key=8))),
    "seq": (0x44, GREALL, ip4(47, gre(S, 0x800, IN4))),
    "seq-old": (0x44, GREALL, ip4(47, gre(S, 0x800, IN4, seq=100))),
    "seq-missing": (0x44, GREALL, ip4(47, gre(0, 0x800, IN4))),
    "all": (15, GREALL, ip6(47, gre(C | K | S, 0x800, IN4))),
    "tap": (0x10, GREALL, ip4(47, gre(0, 0x6558, eth(0x800, IN4)))),
    "tap-all": (0x1F, GREALL, ip6(47, gre(C | K | S, 0x6558, eth(0x86DD, IN6)))),
    "tap-vlan": (0x10, GREALL, ip4(47, gre(0, 0x6558, eth(0x8100, b"\0\5\x08\0" + IN4)))),
    "tap-lldp": (0x11, GREALL, ip4(47, gre(C, 0x6558, eth(0x88CC, b"\2\7\4" + bytes(9))))),
    "tap-short": (0x10, GREALL, ip4(47, gre(0, 0x6558, bytes(9)))),
    "routing": (0, GREALL, ip4(47, gre(0x40, 0x800, IN4))),
    "pptp": (0, GREALL, ip4(47, gre(0x30, 0x880B, IN4, low=1))),
    "reserved": (0, GREALL, ip4(47, gre(0x03, 0x800, IN4, low=0xF8))),
    "short": (7, GREALL, ip4(47, gre(C | K | S, 0x800, b"")[:9])),
    "ecn-drop": (0, GREALL, ip4(47, gre(0, 0x800, IN4), tos=3)),
    "pieces": (1, GREALL | PIECES, ip4(47, gre(C, 0x800, ip4(6, tcp(901))))),
    "fragment": (0, GREALL, ip4(47, gre(0, 0x800, IN4), frag=0x2000)),
    "owed": (1, GREALL | OWED, ip4(47, gre(C, 0x800, IN4))),
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for where, cases in (("ipip", IPIP), ("gre", GRES)):
        os.makedirs(os.path.join(sys.argv[1], where), exist_ok=True)
        for name, (which, flags, packet) in cases.items():
            with open(os.path.join(sys.argv[1], where, name), "wb") as f:
                f.write(bytes([which, flags]) + packet)


if __name__ == "__main__":
    main()
