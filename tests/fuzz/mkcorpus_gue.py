#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpus of fuzz_gue.

usage: mkcorpus_gue.py DIRECTORY      (writes DIRECTORY/gue)

Two bytes, the tunnel and how the packet is made, then what is behind UDP.
"""
import os
import struct
import sys

GUE, V6, L2, CSUM, ANY, REMCSUM = 1, 2, 4, 8, 16, 32
WRAP, SUM, PIECES, OK, OWED, STRANGER, INNER, CE = 1, 2, 4, 8, 16, 32, 64, 128


def ip4(proto, body, ecn=0, frag=0x4000):
    return struct.pack("!BBHHHBBH", 0x45, ecn, 20 + len(body), 7, frag, 64, proto, 0) \
        + b"\x0a\x6f\0\1\x0a\x6f\0\2" + body


def ip6(proto, body):
    return struct.pack("!IHBB", 0x60000000, len(body), proto, 64) + b"\x20\1" + bytes(13) \
        + b"\1\x20\1" + bytes(13) + b"\2" + body


def tcp(n=20):
    return struct.pack("!HHIIBBHHH", 40000, 443, 1, 2, 0x50, 0x10, 512, 0, 0) + bytes(range(n))


def udp(n=20):
    return struct.pack("!HHHH", 40000, 53, 8 + n, 0) + bytes(range(n))


def eth(kind, body):
    return b"\2\0\0\0\0\2\2\0\0\0\0\1" + struct.pack("!H", kind) + body


def gue(proto, body, opt=b"", flags=0, first=0):
    return struct.pack("!BBH", first | len(opt) // 4, proto, flags) + opt + body


def remcsum(start, off, priv=0x80000000):
    return struct.pack("!IHH", priv, start, off)


W, T4, T6 = WRAP | INNER, ip4(6, tcp()), ip6(6, tcp())
ARP = eth(0x806, b"\0\1\x08\0\6\4\0\1" + bytes(20))
CASES = {
    "gue-4": (GUE, W, gue(4, T4)),
    "gue-6-sum": (GUE | CSUM, W | SUM, gue(41, ip6(17, udp()))),
    "gue-v6": (GUE | V6 | CSUM, W | SUM, gue(4, T4)),
    "gue-v6-zero": (GUE | V6, W, gue(41, T6)),
    "gue-v6-zero-refused": (GUE | V6 | CSUM, W, gue(41, T6)),
    "gue-eth": (GUE | L2 | CSUM, W | SUM | PIECES, gue(143, eth(0x800, T4))),
    "gue-arp": (GUE | L2 | CSUM, W | SUM, gue(143, ARP)),
    "gue-vlan": (GUE | L2, W, gue(143, eth(0x8100, b"\0\x2a\x86\xdd" + T6))),
    "gue-other": (GUE | L2 | CSUM, W | SUM, gue(143, eth(0x88cc, bytes(30)))),
    "gue-fragment": (GUE | CSUM, W | SUM | OK, gue(4, ip4(17, udp(), frag=0x2000))),
    "gue-icmp": (GUE | CSUM, W | SUM, gue(4, ip4(1, b"\x08\0\0\0\0\7\0\1" + bytes(9)))),
    "gue-sctp": (GUE | CSUM, W | SUM, gue(4, ip4(132, b"\0\1\0\2" + bytes(28)))),
    "direct-4": (GUE, W, T4),
    "direct-6": (GUE | CSUM, W | SUM, T6),
    "version-2": (GUE, W, gue(4, T4, first=0x80)),
    "control": (GUE, W, gue(4, T4, first=0x20)),
    "flags": (GUE, W, gue(4, T4, flags=0x8000)),
    "private": (GUE, W | PIECES, gue(4, T4, bytes(12))),
    "private-flags": (GUE, W, gue(4, T4, bytes(4), 1)),
    "private-unknown": (GUE, W, gue(4, T4, struct.pack("!I", 1), 1)),
    "no-room": (GUE, W, gue(4, b"", first=31)),
    "remcsum-tcp": (GUE | CSUM | REMCSUM, W | SUM | OK, gue(4, T4, remcsum(20, 36), 1)),
    "remcsum-udp6": (GUE | CSUM | REMCSUM | V6, W | SUM, gue(41, ip6(17, udp()),
                                                            remcsum(40, 46), 1)),
    "remcsum-eth": (GUE | CSUM | REMCSUM | L2, W | SUM | PIECES,
                    gue(143, eth(0x800, T4), remcsum(34, 50), 1)),
    "remcsum-payload": (GUE | CSUM, W | SUM, gue(4, T4, remcsum(40, 50), 1)),
    "remcsum-header": (GUE | CSUM, W | SUM, gue(4, T4, remcsum(0, 10), 1)),
    "remcsum-beyond": (GUE | CSUM, W | SUM, gue(4, T4, remcsum(20, 60), 1)),
    "remcsum-zero": (GUE, W, gue(4, T4, remcsum(20, 36), 1)),
    "remcsum-owed": (GUE | CSUM, W | OWED, gue(4, T4, remcsum(20, 36), 1)),
    "ce": (GUE, W | CE, gue(4, ip4(6, tcp(), ecn=2))),
    "ce-refused": (GUE, W | CE, gue(4, T4)),
    "stranger": (GUE, W | STRANGER, gue(4, T4)),
    "stranger-any": (GUE | ANY, W | STRANGER, gue(4, T4)),
    "fou-4": (0, W, T4),
    "fou-6-sum": (CSUM | V6, W | SUM, ip6(17, udp())),
    "fou-eth": (L2, W, eth(0x86dd, T6)),
    "fou-short": (0, W, T4[:30]),
    "raw-tcp": (0, 0, T4),
    "raw-udp": (0, 0, ip4(17, udp())),
    "raw-fragment": (GUE, 0, ip4(17, udp(), frag=0x2000)),
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    to = os.path.join(sys.argv[1], "gue")
    os.makedirs(to, exist_ok=True)
    for name, (tunnel, how, body) in CASES.items():
        with open(os.path.join(to, name), "wb") as f:
            f.write(bytes([tunnel, how]) + body)


if __name__ == "__main__":
    main()
