#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpora of fuzz_gro and fuzz_uro.

usage: mkcorpus_merge.py DIRECTORY      (writes DIRECTORY/gro, DIRECTORY/uro)

The format is that of merge_fuzz.h.
"""
import os
import struct
import sys

ETH, BIG, TWICE = 1, 2, 4
RAW, IP, L4, OWED, SAME_ID, VOUCHED, BURST, ODD = 1, 2, 4, 8, 16, 32, 64, 128
FIX = IP | L4
SUPER = OWED | VOUCHED
SAME = 0xFFFF

A6 = bytes.fromhex("20010db8000000000000000000000001")
B6 = bytes.fromhex("20010db8000000000000000000000002")
A4, B4 = bytes([10, 111, 0, 1]), bytes([10, 111, 0, 2])
TS = b"\x01\x01\x08\x0a\0\0\0\1\0\0\0\2"
HOP = bytes([0, 0, 5, 2, 0, 0, 1, 0])
DST = bytes([0, 0, 0x1E, 4, 1, 2, 3, 4])


def ip4(proto, body, frag=0x4000, ident=7):
    return struct.pack(">BBHHHBBH", 0x45, 0, 0, ident, frag, 64, proto, 0) + A4 + B4 + body


def ip6(nh, body, ext=b""):
    return struct.pack(">IHBB", 6 << 28 | 0x12345, 0, nh, 64) + A6 + B6 + ext + body


def ext6(proto):
    return bytes([60]) + HOP[1:] + bytes([proto]) + DST[1:]


def tcp(n, opts=b"", flags=0x10, win=8192):
    return struct.pack(">HHIIBBHHH", 40000, 443, 1000, 2000, (20 + len(opts)) // 4 << 4,
                       flags, win, 0, 0) + opts + bytes(n)


def udp(n):
    return struct.pack(">HHHH", 40000, 53, 8 + n, 0) + bytes(n)


def raw(pkt, flags=FIX):
    return struct.pack("<BH", flags | RAW, len(pkt)) + pkt


def then(base, n=SAME, flags=FIX, *patches):
    return struct.pack("<BBHB", flags, base, n, len(patches)) + b"".join(
        bytes(p) for p in patches)


def batch(*records, flags=0, limit=0):
    return bytes([flags, limit]) + b"".join(records)


def seeds(l4, proto):
    v4, v6 = ip4(proto, l4(100)), ip6(proto, l4(50))
    burst = then(0, SAME, FIX | BURST)
    return {
        "train4": batch(raw(v4), burst),
        "train6": batch(raw(v6), burst),
        "train-eth": batch(raw(v4), burst, flags=ETH),
        "ext6": batch(raw(ip6(0, l4(50), ext6(proto))), burst),
        "fixed-id": batch(raw(v4, FIX), then(0, SAME, FIX | BURST | SAME_ID)),
        "no-df": batch(raw(ip4(proto, l4(9), 0)), burst),
        "tails": batch(raw(v4), then(0), then(1, 30), then(2, 100), then(3), then(4, 101)),
        "limit": batch(raw(v4), burst, limit=3),
        "limit-bytes": batch(raw(v4), burst, limit=0x85),
        "twice": batch(raw(v6), burst, then(8, SAME, FIX | BURST), flags=TWICE | BIG),
        "owed": batch(raw(v4), then(0, SAME, IP | OWED), then(1), then(2, 9, IP | OWED)),
        "bad-sum": batch(raw(v4), then(0, SAME, IP), then(1), then(2)),
        "patched": batch(raw(v4), then(0, SAME, FIX, (1, 1)), then(0, SAME, FIX, (8, 3))),
        "supers": batch(raw(ip4(proto, l4(102)), FIX | SUPER), then(0, SAME, FIX | SUPER), then(1, 50),
                        raw(v6), then(3, 100, FIX | SUPER), flags=TWICE),
        "two-flows": batch(raw(v4), raw(v6), then(0), then(1), then(2), then(3)),
    }


GRO = dict(seeds(tcp, 6), **{
    "options": batch(raw(ip4(6, tcp(100, TS))), then(0, SAME, FIX | BURST)),
    "odd-zero": batch(raw(ip4(6, tcp(100))), then(0), then(1, SAME, FIX | ODD), then(2)),
    "psh": batch(raw(ip4(6, tcp(100))), then(0), then(1, 40, FIX, (33, 8)), then(2)),
    "cwr": batch(raw(ip4(6, tcp(100, b"", 0xD0))), then(0, SAME, FIX | BURST)),
    "cwr-supers": batch(raw(ip4(6, tcp(102, b"", 0xD0)), FIX | SUPER),
                        then(0, SAME, FIX | SUPER), then(1, SAME, FIX | SUPER, (35, 1))),
    "cwr-first": batch(raw(ip4(6, tcp(102, b"", 0xD0, 8193)), FIX | SUPER),
                       then(0, SAME, FIX | SUPER), then(1, 50)),
    "fin": batch(raw(ip6(6, tcp(100))), then(0), then(1, SAME, FIX, (53, 9))),
})
URO = dict(seeds(udp, 17), **{
    "no-sum": batch(raw(ip4(17, udp(100)), IP), then(0, SAME, IP | BURST)),
    "no-sum-mixed": batch(raw(ip4(17, udp(100)), IP), then(0, SAME, FIX), then(1, SAME, IP)),
    "ufo": batch(raw(ip4(17, udp(102)), FIX | SUPER | ODD), then(0, 50, FIX),
                 then(1, 100, FIX | SUPER | ODD), then(2, 100, FIX | SUPER)),
    "empty": batch(raw(ip4(17, udp(100))), then(0, 0), then(1, 0), then(0)),
})


def main():
    for name, files in (("gro", GRO), ("uro", URO)):
        d = os.path.join(sys.argv[1], name)
        os.makedirs(d, exist_ok=True)
        for f, data in files.items():
            with open(os.path.join(d, f), "wb") as out:
                out.write(data)


if __name__ == "__main__":
    main()
