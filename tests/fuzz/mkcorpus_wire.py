#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpus of fuzz_wire: one small well-formed input a parser.

usage: mkcorpus_wire.py DIRECTORY

The first byte of each file is the index of the parser in fuzz_wire.c.
"""
import os
import struct
import sys

V6_SRC = bytes.fromhex("20010db8000000000000000000000001")
V6_DST = bytes.fromhex("20010db8000000000000000000000002")
MAC_A = bytes.fromhex("02005e100001")
MAC_B = bytes.fromhex("02005e100002")


def fold(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ipv4(options=b"", proto=6):
    head = struct.pack(">BBHHHBBH4s4s", 0x45 + len(options) // 4, 2, 1500, 77,
                       0x4000, 64, proto, 0, bytes([192, 0, 2, 1]),
                       bytes([198, 51, 100, 2])) + options
    return head[:10] + struct.pack(">H", fold(head) ^ 0xFFFF) + head[12:]


def ipv6(nh, payload, plen=None):
    plen = len(payload) if plen is None else plen
    return struct.pack(">IHBB", 0x62C12345, plen, nh, 64) + V6_SRC + V6_DST + payload


def tcp(flags, options=b""):
    return struct.pack(">HHIIHHHH", 40000, 443, 0x01020304, 0x05060708,
                       (5 + len(options) // 4) << 12 | flags, 64240, 0, 0) + options


def jumbo(nh):
    return struct.pack(">BBBBI", nh, 0, 0xC2, 4, 500000)


SYN_OPTIONS = bytes.fromhex("020405b4" "0402080aa1a2a3a400000000" "01030307")
SACK_OPTIONS = bytes.fromhex("0101080a00000001fffffffe" "01010512"
                             "0000100000002000" "0000300000004000")
ARP = (struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + MAC_A + bytes([192, 0, 2, 1])
       + bytes(6) + bytes([192, 0, 2, 2]))

SEEDS = {
    "ipv4": (0, ipv4()),
    "ipv4-options": (0, ipv4(bytes([1, 0x94, 4, 0, 0, 7, 3, 4]), 17)),
    "ipv4-opts-source-route": (1, bytes([1, 131, 7, 4, 192, 0, 2, 1])),
    "ipv6-tcp": (2, ipv6(6, tcp(0x10))),
    "ipv6-jumbo": (2, ipv6(0, jumbo(6) + tcp(0x10), 0)),
    "ipv6-chain": (2, ipv6(0, bytes([60, 0, 5, 2, 0, 0, 1, 0])
                           + bytes([43, 0, 1, 4, 0, 0, 0, 0])
                           + bytes([44, 0, 0, 0, 0, 0, 0, 0])
                           + bytes([51, 0, 0, 1, 0, 0, 0, 9])
                           + bytes([59, 4]) + bytes(22))),
    "ipv6-opts-jumbo": (3, jumbo(6)),
    "ipv6-opts-unknown": (3, bytes([6, 0, 0, 0x80, 3, 1, 2, 3])),
    "ipv6-frag": (4, struct.pack(">BBHI", 17, 0, 1448 | 1, 0xDEADBEEF)),
    "tcp-syn": (5, tcp(0x002, SYN_OPTIONS)),
    "tcp-sack": (5, tcp(0x110, SACK_OPTIONS)),
    "udp": (6, struct.pack(">HHHH", 1024, 53, 8, 0)),
    "icmp-frag-needed": (7, struct.pack(">BBHI", 3, 4, 0, 1400)),
    "eth-arp": (8, b"\xff" * 6 + MAC_A + b"\x08\x06" + ARP),
    "nd-ns": (9, bytes([135, 0, 0, 0, 0, 0, 0, 0]) + V6_DST + b"\x01\x01" + MAC_A),
    "nd-na": (9, bytes([136, 0, 0, 0, 0x60, 0, 0, 0]) + V6_DST
              + bytes([14, 1, 1, 2, 3, 4, 5, 6]) + b"\x02\x01" + MAC_B),
    "csum": (10, struct.pack(">H", 13) + bytes(range(200, 240))),
    "ipaddr4": (11, b"192.0.2.1"),
    "ipaddr6": (11, b"2001:db8::ffff:192.0.2.1"),
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, (parser, data) in SEEDS.items():
        with open(os.path.join(sys.argv[1], name), "wb") as f:
            f.write(bytes([parser]) + data)


if __name__ == "__main__":
    main()
