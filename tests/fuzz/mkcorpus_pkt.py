#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpora of fuzz_dissect, fuzz_vnet, fuzz_filter and fuzz_strip.

usage: mkcorpus_pkt.py DIRECTORY      (writes DIRECTORY/dissect, vnet, filter and strip)

fuzz_dissect: flags byte, packet. fuzz_vnet: virtio_net_hdr (24), flags byte,
port byte, packet. fuzz_filter: text, NUL, flags byte, packet. fuzz_strip: start
byte, shape byte, bytes to take off, head bytes less one, packet. The flags are those
of the programs.
"""
import os
import struct
import sys

ETH, FIX4, BIG, FRAGS, TUN = 1, 2, 4, 8, 16  # fuzz_dissect
V_ETH, V_FIX4, V_LONG, V_BIG = 1, 2, 4, 8  # fuzz_vnet

A6 = bytes.fromhex("20010db8000000000000000000000001")
B6 = bytes.fromhex("20010db8000000000000000000000002")
A4, B4 = bytes([10, 111, 0, 1]), bytes([10, 111, 0, 2])
MACS = bytes.fromhex("020000000002020000000001")


def ip4(proto, body, opts=b"", frag=0x4000):
    n = 20 + len(opts)
    return struct.pack(">BBHHHBBH", 0x40 + n // 4, 0, n + len(body), 7, frag, 64,
                       proto, 0) + A4 + B4 + opts + body


def ip6(nh, body, plen=None):
    return struct.pack(">IHBB", 6 << 28, len(body) if plen is None else plen, nh,
                       64) + A6 + B6 + body


def tcp(data=b"", opts=b"", flags=0x10):
    return struct.pack(">HHIIBBHHH", 40000, 443, 1000, 2000,
                       (20 + len(opts)) // 4 << 4, flags, 8192, 0, 0) + opts + data


def udp(data=b"", ln=None):
    return struct.pack(">HHHH", 40000, 53, 8 + len(data) if ln is None else ln,
                       0) + data


def sctp(chunks):
    return struct.pack(">HHII", 40000, 50000, 0xC0FFEE01, 0) + chunks


def eth(kind, body, tags=()):
    out = MACS
    for t in tags:
        out += struct.pack(">HH", t, 5)
    return out + struct.pack(">H", kind) + body


def vxlan(inner, outer=ip4):
    body = b"\x08\0\0\0\0\0\x2a\0" + inner
    return outer(17, struct.pack(">HHHH", 50000, 4789, 8 + len(body), 0) + body)


PAD = b"\x01\x04\0\0\0\0"
DATA = bytes(range(200))
TS = b"\x01\x01\x08\x0a" + bytes(8)
JUMBO = struct.pack(">BBBBI", 6, 0, 0xC2, 4, 70000 - 40)
CHUNK = struct.pack(">BBHIHHI", 0, 3, 16 + len(DATA), 1, 0, 0, 0) + DATA
ICMP = b"\x08\0\0\0\0\1\0\1" + DATA[:32]

DISSECT = {
    "tcp4": (FIX4, ip4(6, tcp(DATA))),
    "tcp4-frags": (FIX4 | FRAGS, ip4(6, tcp(DATA))),
    "tcp4-opts": (FIX4, ip4(6, tcp(DATA, TS), b"\x94\x04\0\0\x01\x01\x01\0")),
    "tcp4-big": (FIX4 | BIG, b"\x45\0\0\0" + ip4(6, tcp(DATA))[4:]),
    "udp4": (FIX4, ip4(17, udp(DATA))),
    "udp4-surplus": (FIX4, ip4(17, udp(DATA, 100))),
    "icmp4": (FIX4, ip4(1, ICMP)),
    "frag4": (FIX4, ip4(17, udp(DATA), frag=0x2000)),
    "sctp4": (FIX4, ip4(132, DATA)),
    "sctp6": (0, ip6(132, sctp(CHUNK))),
    "sctp-frags": (FRAGS | FIX4, ip4(132, sctp(CHUNK))),
    "esp4": (FIX4, ip4(50, DATA)),
    "ah6": (0, ip6(0, b"\x33\0" + PAD + b"\x06\x04\0\0" + bytes(20) + tcp(DATA))),
    "lsrr": (FIX4, ip4(6, tcp(), b"\x83\x07\x04\x0a\0\0\1\0")),
    "tcp6": (0, ip6(6, tcp(DATA, TS))),
    "tcp6-big": (BIG, ip6(6, tcp(DATA), 0)),
    "tcp6-jumbo": (BIG, ip6(0, JUMBO + tcp(DATA), 0)),
    "udp6": (0, ip6(17, udp(DATA))),
    "icmp6": (0, ip6(58, ICMP)),
    "ext6": (0, ip6(0, b"\x3c\0" + PAD + b"\x2b\0" + PAD + b"\x2c\0" + bytes(6)
                    + b"\x06\0" + bytes(5) + b"\1" + tcp(DATA))),
    "frag6": (0, ip6(44, b"\x11\0\0\1\0\0\0\7" + udp(DATA))),
    "eth-tcp4": (ETH | FIX4, eth(0x0800, ip4(6, tcp(DATA)) + bytes(8))),
    "eth-vlan": (ETH, eth(0x86DD, ip6(6, tcp(DATA)), (0x88A8, 0x8100))),
    "vxlan4": (FIX4 | TUN, vxlan(eth(0x0800, ip4(6, tcp(DATA))))),
    "vxlan4-frags": (FIX4 | TUN | FRAGS, vxlan(eth(0x0800, ip4(6, tcp(DATA))))),
    "vxlan6-eth": (ETH | TUN, eth(0x86DD, vxlan(eth(0x86DD, ip6(17, udp(DATA))), ip6))),
    "vxlan-vxlan": (FIX4 | TUN, vxlan(eth(0x86DD, vxlan(eth(0x86DD, ip6(6, tcp(DATA))),
                                                       ip6)))),
    "eth-arp": (ETH, eth(0x0806, b"\0\1\x08\0\6\4\0\1" + bytes(20) + bytes(18))),
}


def vh(flags=1, kind=0, gso=0, start=20, off=16):
    return struct.pack("<BBHHHH", flags, kind, 0, gso, start, off) + bytes(14)


ALL, NONE = 0xFF, 0x80
VNET = {
    "plain": (vh(), V_FIX4, ALL, ip4(6, tcp(DATA))),
    "tso4": (vh(kind=1, gso=60), V_FIX4, NONE, ip4(6, tcp(DATA, TS, 0x99))),
    "tso4-long": (vh(kind=1, gso=1400), V_FIX4 | V_LONG, NONE, ip4(6, tcp(DATA))),
    "tso4-big": (vh(kind=1, gso=1400), V_FIX4 | V_BIG, ALL & ~8, ip4(6, tcp(DATA))),
    "tso4-ecn": (vh(kind=0x81, gso=70), V_FIX4, 0xBF, ip4(6, tcp(DATA, b"", 0x90))),
    "tso4-eth": (vh(kind=1, gso=60, start=34), V_FIX4 | V_ETH, NONE,
                 eth(0x0800, ip4(6, tcp(DATA)))),
    "tso6": (vh(kind=4, gso=60, start=40), 0, NONE, ip6(6, tcp(DATA))),
    "tso6-big": (vh(kind=4, gso=1400, start=40), V_BIG, 0x93, ip6(6, tcp(DATA))),
    "tso6-jumbo": (vh(kind=4, gso=1400, start=48), V_BIG, 0xA3,
                   ip6(0, JUMBO + tcp(DATA))),
    "tso6-jumbo-cut": (vh(kind=4, gso=1400, start=48), V_BIG, 0x83,
                       ip6(0, JUMBO + tcp(DATA))),
    "uso4": (vh(kind=5, gso=50, off=6), V_FIX4, NONE, ip4(17, udp(DATA))),
    "uso6": (vh(kind=5, gso=50, start=40, off=6), V_LONG, 0x87, ip6(17, udp(DATA))),
    "ufo": (vh(kind=3, gso=50, off=6), V_FIX4, ALL, ip4(17, udp(DATA))),
    "valid": (vh(flags=2, kind=1, gso=60), V_FIX4, NONE, ip4(6, tcp(DATA))),
    "sctp4": (vh(off=8), V_FIX4, ALL, ip4(132, sctp(CHUNK))),
    "sctp6": (vh(start=40, off=8), 0, NONE, ip6(132, sctp(CHUNK))),
    "lies": (vh(kind=4, gso=60, start=65535, off=65535), V_FIX4, ALL,
             ip4(6, tcp(DATA))),
}

F_ETH, F_SUPER, F_OUT, F_FIX = 1, 2, 4, 8  # fuzz_filter
FILTER = {
    "blank": (b" \t\n", F_FIX, ip4(6, tcp(DATA))),
    "addr4": (b"host 10.111.0.1 or src net 10.0.0.0/8", F_FIX, ip4(6, tcp(DATA))),
    "addr6": (b"ip6 dst 2001:db8::2 and net 2001:db8::/32", 0, ip6(6, tcp(DATA))),
    "port": (b"tcp src port 40000 && !dst port 80", F_FIX, ip4(6, tcp(DATA))),
    "range": (b"udp portrange 1-1024 or port 5-6", F_FIX, ip4(17, udp(DATA))),
    "super": (b"super and not icmp6", F_SUPER | F_FIX, ip4(6, tcp(DATA))),
    "dir": (b"in||out and arp", F_OUT | F_ETH,
            eth(0x0806, b"\0\1\x08\0\6\4\0\1" + bytes(38))),
    "length": (b"greater 64 and less 1500 or icmp", F_FIX, ip4(1, ICMP)),
    "nested": (b"((tcp or (udp and not(sctp))) or (ip and ip6))", 0, ip6(17, udp(DATA))),
    "ands": (b"in and in or out and in or tcp and ip", F_FIX, ip4(132, DATA)),
    "not": (b"not not ! ! not (udp)", 0, ip6(58, ICMP)),
    "wrong": (b"host 10.0.0.0/33 and port 99999 ) (", F_FIX, ip4(6, tcp(DATA))),
}


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def right(ip, off=0):
    """The same bytes with a right IPv4 header checksum."""
    n = 4 * (ip[off] & 15)
    h = bytearray(ip)
    h[off + 2:off + 4] = struct.pack(">H", len(ip) - off)
    h[off + 10:off + 12] = b"\0\0"
    total = sum(struct.unpack(">%dH" % (n // 2), h[off:off + n]))
    total = (total & 0xffff) + (total >> 16)
    h[off + 10:off + 12] = struct.pack(">H", 0xffff - (total & 0xffff) - (total >> 16))
    return bytes(h)


def strip(start, shape, inner, cut=None):
    pkt = vxlan(inner)
    n = len(pkt) - len(inner) if cut is None else cut
    return bytes([start, shape]) + struct.pack(">HB", n, 27) + pkt


STRIP = {
    "eth-opaque": strip(0, 0, eth(0x88cc, b"\x02\x07\x04" + bytes(50), (0x88a8, 0x8100))),
    "eth-tcp4": strip(0, 1, right(eth(0x0800, ip4(6, tcp(b"data" * 20))), 14)),
    "eth-vlan-arp": strip(0, 40, eth(0x0806, bytes(28), (0x8100,))),
    "ip4-frag": strip(1, 9, right(ip4(17, bytes(64), frag=0x2001))),
    "ip6-udp": strip(3, 101, ip6(17, udp(b"x" * 100))),
    "surplus": strip(1, 17, right(ip4(17, udp(b"abcd", 10)))),
    "super": strip(0, 2, right(eth(0x0800, ip4(6, tcp(b"data" * 20))), 14)),
    "short": strip(2, 0, right(ip4(6, tcp(b"data"))), 70),
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, (flags, pkt) in DISSECT.items():
        write(os.path.join(sys.argv[1], "dissect", name), bytes([flags]) + pkt)
    for name, (head, flags, port, pkt) in VNET.items():
        write(os.path.join(sys.argv[1], "vnet", name), head + bytes([flags, port]) + pkt)
    for name, (text, flags, pkt) in FILTER.items():
        write(os.path.join(sys.argv[1], "filter", name), text + bytes([0, flags]) + pkt)
    for name, data in STRIP.items():
        write(os.path.join(sys.argv[1], "strip", name), data)


if __name__ == "__main__":
    main()
