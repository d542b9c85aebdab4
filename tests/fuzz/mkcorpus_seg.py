#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpora of fuzz_tso, fuzz_uso, fuzz_ufo and fuzz_bigtcp.

usage: mkcorpus_seg.py DIRECTORY      (writes DIRECTORY/tso and so on)

Each input: 12 bytes as fuzzseg.h has them, then a packet.
"""
import os
import struct
import sys

from mkcorpus_pkt import DATA, TS, eth, ip4, ip6, tcp, udp, write

ETH, FIX4, LONG, BIG, PIECES, TUNNEL, OUTER6, TYPE = (1 << i for i in range(8))
CSUM, PARTIAL, FIXEDID, OUTER_SUM = (1 << i for i in range(4))
OWED, OK, ECN, ACCECN = 1, 2, 4, 8
ALERT = b"\x05\x02\0\0\x01\0"
PAD = b"\x01\x04\0\0\0\0"
JUMBO = b"\xc2\x04\0\1\0\0"
OPTS4 = b"\x94\x04\0\0\x07\x03\x04\x01"


def inp(pkt, make=FIX4, ask=0, gso=60, segs=1, need=OWED, lie=(0, 0), mtu=1500,
        kind=0, own=0):
    return struct.pack(">BBHBBBBHBB", make, ask, gso, segs, need, *lie, mtu, kind,
                       own) + pkt


def hop(nh, opts, body):
    return ip6(0, bytes([nh, (len(opts) + 2) // 8 - 1]) + opts + body)


def flags4(flags, ident=7):
    p = bytearray(ip4(6, tcp(DATA, TS, 0x19)))
    p[4:8] = struct.pack(">HH", ident, flags)
    return bytes(p)


T4, T6 = ip4(6, tcp(DATA, TS, 0x99)), ip6(6, tcp(DATA, TS, 0x99))
U4, U6 = ip4(17, udp(DATA)), ip6(17, udp(DATA))

TSO = {
    "four": inp(T4),
    "four-csum": inp(T4, ask=CSUM),
    "four-pieces": inp(T4, FIX4 | LONG | PIECES, CSUM, 1399),
    "four-df-fixed": inp(flags4(0x4000), ask=FIXEDID),
    "four-fixed": inp(flags4(0, 65535), ask=FIXEDID),
    "four-opts": inp(ip4(6, tcp(DATA), OPTS4), ask=CSUM),
    "four-fragment": inp(ip4(6, tcp(DATA), frag=0x2000)),
    "four-eth": inp(eth(0x0800, T4), ETH | FIX4),
    "four-vlan": inp(eth(0x86DD, T6, (0x8100,)), ETH),
    "four-big": inp(T4, FIX4 | BIG, CSUM, 1448),
    "four-super": inp(T4, FIX4 | BIG, 0, 1448, 20, OWED | ECN),
    "four-accecn": inp(T4, FIX4 | LONG, CSUM, 1448, 3, OWED | ACCECN),
    "four-unverified": inp(T4, ask=CSUM, need=0),
    "four-verified": inp(T4, ask=CSUM, need=OK),
    "six": inp(T6, 0, CSUM),
    "six-ext": inp(hop(43, ALERT, b"\x3c\0\0\0\0\0\0\0" + b"\x06\0" + PAD + tcp(DATA)), 0,
                   CSUM),
    "six-jumbo": inp(hop(6, JUMBO, tcp(DATA)), BIG, 0, 1400, 3),
    "six-jumbo-mixed": inp(hop(6, JUMBO + b"\x01\0" + ALERT, tcp(DATA)), BIG, CSUM, 1400),
    "six-big": inp(T6, BIG, 0, 1400, 47),
    "six-atomic": inp(ip6(44, b"\x06\0\0\0\0\0\0\1" + tcp(DATA)), 0),
    "tunnel": inp(T4, FIX4 | TUNNEL, CSUM),
    "tunnel-sum": inp(T6, TUNNEL | OUTER6, OUTER_SUM),
    "tunnel-partial": inp(T4, FIX4 | LONG | TUNNEL, PARTIAL | OUTER_SUM, 1000, 10),
    "tunnel-partial6": inp(T6, BIG | TUNNEL, PARTIAL, 1000, 200),
    "size-0": inp(T4, gso=0),
    "size-1": inp(T4, gso=1),
    "size-all": inp(T4, gso=200),
    "size-above": inp(T4, gso=201),
    "step-0": inp(T4, segs=0),
    "type": inp(T4, FIX4 | TYPE, kind=2),
    "lie-off": inp(T4, lie=(4, 3)),
    "lie-kind": inp(T4, lie=(5, 13)),
    "lie-count": inp(T4, lie=(3, 9)),
    "lie-refused": inp(T6, 0, lie=(2, 1)),
}
USO = {
    "four": inp(U4, ask=CSUM),
    "four-none": inp(U4, need=0),
    "four-none-ok": inp(U4, ask=CSUM, need=OK),
    "four-long": inp(U4, FIX4 | LONG | PIECES, CSUM, 1471, 1),
    "four-super": inp(U4, FIX4 | LONG, 0, 1000, 7),
    "four-big": inp(U4, FIX4 | BIG, 0, 1000, 7),
    "four-eth": inp(eth(0x0800, U4), ETH | FIX4),
    "four-opts": inp(ip4(17, udp(DATA), OPTS4), ask=CSUM),
    "six": inp(U6, 0, CSUM),
    "six-none": inp(U6, 0, CSUM, need=0),
    "six-long": inp(U6, LONG, 0, 1452),
    "six-ext": inp(hop(60, ALERT, b"\x11\0" + PAD + udp(DATA)), 0, CSUM),
    "tunnel": inp(U4, FIX4 | TUNNEL, CSUM | OUTER_SUM),
    "tunnel-none": inp(U4, FIX4 | TUNNEL | OUTER6, OUTER_SUM, need=0),
    "tunnel-partial": inp(U6, LONG | TUNNEL, PARTIAL | OUTER_SUM, 1000, 10),
    "size-1": inp(U4, gso=1),
    "size-above": inp(U4, gso=201),
    "lie-off": inp(U4, lie=(4, 250)),
    "lie-kind": inp(U6, 0, lie=(1, 4)),
}
UFO = {
    "four": inp(U4, gso=64),
    "four-long": inp(U4, FIX4 | LONG, 0, 1480),
    "four-pieces": inp(U4, FIX4 | LONG | PIECES, 0, 1000),
    "four-df-0": inp(ip4(17, udp(DATA))[:4] + b"\0\0" + ip4(17, udp(DATA))[6:], gso=64),
    "four-none": inp(U4, gso=64, need=0),
    "four-opts": inp(ip4(17, udp(DATA), OPTS4), gso=64),
    "four-opts-later": inp(ip4(17, udp(DATA), b"\x07\x03\x04\x94\x04\0\0\x01"), gso=64),
    "four-eth": inp(eth(0x0800, U4), ETH | FIX4, gso=64),
    "six": inp(U6, 0, gso=64),
    "six-none": inp(U6, 0, gso=64, need=0),
    "six-hop": inp(hop(17, ALERT, udp(DATA)), 0, gso=64),
    "six-all": inp(hop(60, ALERT, b"\x2b\0" + PAD + b"\x3c\0\0\0\0\0\0\0" + b"\x11\0" + PAD
                       + udp(DATA)), 0, gso=64),
    "six-long": inp(U6, LONG, 0, 1448),
    "six-jumbo": inp(hop(17, JUMBO, udp(DATA)), BIG, 0, 1448),
    "six-atomic": inp(ip6(44, b"\x11\0\0\0\0\0\0\1" + udp(DATA)), 0, gso=64),
    "tunnel": inp(U4, FIX4 | TUNNEL, OUTER_SUM, 64),
    "tunnel6": inp(U6, TUNNEL | OUTER6, OUTER_SUM, 64),
    "mtu": inp(U4, FIX4 | LONG, 0, 9000, mtu=576),
    "mtu-none": inp(U4, mtu=20),
    "size-7": inp(U4, gso=7),
    "size-8": inp(U4, gso=8),
    "size-above": inp(U4, gso=209),
    "whole": inp(U4, gso=208),
    "lie-off": inp(U6, 0, gso=64, lie=(4, 8)),
    "lie-kind": inp(U6, 0, gso=64, lie=(1, 6)),
}
BIGTCP = {
    "four": inp(T4, FIX4 | BIG, own=0x00),
    "six": inp(T6, BIG, own=0x55),
    "six-eth": inp(eth(0x86DD, T6), BIG | ETH, own=0x55),
    "six-jumbo": inp(hop(6, JUMBO, tcp(DATA)), BIG, own=0xAA),
    "six-alert": inp(hop(6, ALERT, tcp(DATA)), BIG, own=0x33),
    "six-mixed": inp(hop(6, JUMBO + b"\x01\0" + ALERT, tcp(DATA)), BIG, own=0x35),
    "six-pad": inp(hop(6, PAD, tcp(DATA)), BIG, own=0x35),
    "six-place": inp(hop(6, PAD + ALERT + b"\0\0", tcp(DATA)), BIG, own=0x35),
    "six-place-later": inp(hop(6, ALERT[:4] + b"\0\0\0\0" + PAD, tcp(DATA)), BIG, own=0x35),
    "six-dst": inp(ip6(60, b"\x06\0" + PAD + tcp(DATA)), BIG, own=0x55),
    "small": inp(T6, LONG, own=0x55),
    "tunnel": inp(T6, BIG | TUNNEL, own=0x55),
    "tunnel6": inp(T6, BIG | TUNNEL | OUTER6, 0, own=0x55),
    "tunnel46": inp(T4, FIX4 | BIG | TUNNEL | OUTER6, 0, own=0x55),
    "lie-flag": inp(hop(6, ALERT, tcp(DATA)), BIG, own=0x33, lie=(6, 2)),
    "lie-kind": inp(hop(6, ALERT, tcp(DATA)), BIG, own=0x33, lie=(5, 8)),
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for room, inputs in (("tso", TSO), ("uso", USO), ("ufo", UFO), ("bigtcp", BIGTCP)):
        for name, data in inputs.items():
            write(os.path.join(sys.argv[1], room, name), data)


if __name__ == "__main__":
    main()
