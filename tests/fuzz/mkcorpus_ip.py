#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the corpus of fuzz_reasm: tests/fuzz/mkcorpus_ip.py [DIRECTORY]

A file is a list of records, numbers big endian:
  fragment  op (bit 0: IPv6, bits 1: 0, 2: more, 3: variant, 4: Ethernet,
            5-6: ECN), id << 2 | source, offset / 8 (2 bytes), length (2 bytes)
  raw       op (bits 0-1: 2, 4: Ethernet), length (2 bytes), the bytes
  time      op (bits 0-1: 3, 2: coarse), steps of 100 us or 100 ms (2 bytes)
An odd id makes the datagram TCP.
"""
import os
import struct
import sys


def frag(key, off, length, more=True, v6=False, variant=False, eth=False, ecn=0):
    op = v6 | more << 2 | variant << 3 | eth << 4 | ecn << 5
    return struct.pack(">BBHH", op, key, off // 8, length)


def raw(data, eth=False):
    return struct.pack(">BH", 2 | eth << 4, len(data)) + data


def time(steps, coarse=True):
    return struct.pack(">BH", 3 | coarse << 2, steps)


def csum(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(payload, ident, flags_off, proto=17, options=b""):
    hlen = 20 + len(options)
    head = struct.pack(">BBHHHBBH4s4s", 0x40 | hlen // 4, 0, hlen + len(payload), ident,
                       flags_off, 64, proto, 0, bytes([172, 16, 0, 1]),
                       bytes([192, 0, 2, 1])) + options
    return head[:10] + struct.pack(">H", csum(head)) + head[12:] + payload


def ip6(payload, nh):
    return struct.pack(">IHBB", 6 << 28, len(payload), nh, 64) + \
        bytes([0x20] + [0] * 14 + [1]) + bytes([0x20] + [0] * 14 + [2]) + payload


def fraghdr(nh, ident, off, more):
    return struct.pack(">BBHI", nh, 0, off | more, ident)


def cases():
    yield "two", frag(0, 0, 800) + frag(0, 800, 100, False)
    yield "two-reversed", frag(0, 800, 100, False) + frag(0, 0, 800)
    yield "two-v6", frag(0, 0, 800, v6=True) + frag(0, 800, 100, False, v6=True)
    yield "tcp", frag(4, 0, 24) + frag(4, 24, 999, False)
    yield "ethernet", frag(4, 0, 24, eth=True) + frag(4, 24, 9, False, eth=True)
    yield "many", b"".join(frag(0, i * 8, 8) for i in range(300)) + frag(0, 2400, 1, False)
    yield "ping-of-death", frag(0, 65000, 1000, False)
    yield "largest", frag(0, 0, 32000) + frag(0, 32000, 32000) + frag(0, 64000, 1515, False)
    yield "by-reference", frag(0, 16400, 16400) + frag(0, 0, 16400) + frag(0, 32800, 1, False)
    yield "overlap", frag(0, 0, 800) + frag(0, 400, 800) + frag(0, 800, 100, False)
    yield "duplicate", frag(0, 0, 800) * 2 + frag(0, 800, 100, False)
    yield "other-bytes", frag(0, 0, 800) + frag(0, 0, 800, variant=True)
    yield "mixed", frag(0, 0, 800) + frag(0, 800, 100, False, variant=True)
    yield "two-ends", frag(0, 800, 100, False) + frag(0, 1600, 100, False)
    yield "not-eight", frag(0, 0, 801)
    yield "empty", frag(0, 8, 0, False)
    yield "atomic", frag(0, 0, 100, False, v6=True)
    yield "tiny", frag(4, 0, 16)
    yield "contexts", b"".join(frag(i, 0, 64) for i in range(64))
    yield "bytes", b"".join(frag(i, 0, 8000) for i in range(20)) + frag(3, 8000, 1, False)
    yield "expire", frag(0, 0, 800) + time(299) + time(1) + frag(0, 800, 100, False)
    yield "expire-v6", frag(0, 0, 80, v6=True) + frag(0, 0, 80) + time(300) + time(300)
    yield "dead-expire", frag(0, 0, 80) + frag(0, 8, 80) + time(300) + frag(0, 0, 80)
    yield "ecn", frag(0, 0, 80, ecn=2) + frag(0, 80, 8, False, ecn=3) + \
        frag(0, 0, 80, ecn=0) + frag(0, 80, 8, False, ecn=3)
    udp = struct.pack(">HHHH", 1, 2, 24, 0)
    yield "raw-udp", raw(ip4(udp + b"x" * 8, 5, 0x2000)) + raw(ip4(b"y" * 8, 5, 2))
    yield "raw-options", raw(ip4(udp + b"x" * 8, 5, 0x2000, options=b"\x94\x04\0\0")) + \
        raw(ip4(b"y" * 8, 5, 2))
    dst = b"\x11\0\x01\x04\0\0\0\0"
    hop = b"\x2c\0\x01\x04\0\0\0\0"
    yield "raw-ext6", raw(ip6(hop + fraghdr(60, 9, 0, 1) + dst + udp + b"x" * 8, 0)) + \
        raw(ip6(hop + fraghdr(60, 9, 24, 0) + b"y" * 8, 0))
    yield "raw-tiny6", raw(ip6(fraghdr(60, 9, 0, 1) + dst, 44))
    yield "raw-eth", raw(b"\2" * 12 + b"\x81\0\0\1\x08\0" + ip4(udp, 1, 0x2000), True)


def main():
    where = sys.argv[1] if len(sys.argv) > 1 else \
        os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "reasm")
    os.makedirs(where, exist_ok=True)
    for name, data in cases():
        with open(os.path.join(where, name), "wb") as f:
            f.write(data)


main()
