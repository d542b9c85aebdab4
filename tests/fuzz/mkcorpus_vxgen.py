#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpora of fuzz_vxlan and fuzz_geneve.

usage: mkcorpus_vxgen.py DIRECTORY      (writes DIRECTORY/vxlan and DIRECTORY/geneve)

Three bytes (tunnel, packet, DS field), then what stands behind the outer UDP header.
"""
import os
import struct
import sys

V6, CSUM, REM, ANY, L2, OPT = 1, 2, 4, 8, 16, 32
FIX, NOSUM, DEEP, OK, OWED, PIECES, IP4 = 1, 2, 4, 8, 16, 32, 64

ETH4 = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0"
ETH6 = ETH4[:12] + b"\x86\xdd"
ADDR6 = bytes.fromhex("20010db8" + "00" * 11 + "01")


def csum(b):
    b += b"\0" * (len(b) & 1)
    s = sum(struct.unpack(f">{len(b) // 2}H", b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def l4(proto, pseudo, n):
    body = bytes(range(n))
    if proto == 6:
        seg = struct.pack(">HHIIBBHHH", 40000, 443, 1, 2, 0x50, 0x18, 8192, 0, 0) + body
        at = 16
    else:
        seg = struct.pack(">HHHH", 1, 2, 8 + n, 0) + body
        at = 6
    c = csum(pseudo + struct.pack(">IHBB", len(seg), 0, 0, proto) + seg)
    return seg[:at] + struct.pack(">H", c) + seg[at + 2:]


def ip4(proto=6, n=40, tos=0, frag=0):
    a = b"\x0a\0\0\1\x0a\0\0\2"
    seg = l4(proto, a, n)
    h = struct.pack(">BBHHHBBH", 0x45, tos, 20 + len(seg), 1, frag, 64, proto, 0) + a
    return h[:10] + struct.pack(">H", csum(h)) + h[12:] + seg


def ip6(proto=6, n=40, tc=0):
    seg = l4(proto, ADDR6 * 2, n)
    return struct.pack(">IHBB", 6 << 28 | tc << 20, len(seg), proto, 64) + ADDR6 * 2 + seg


def vx(inner, b0=8, b1=0, group=0, vni=7, last=0):
    return struct.pack(">BBHI", b0, b1, group, vni << 8 | last) + inner


def gen(inner, proto=0x6558, opt=b"", flags=0, ver=0, vni=7):
    return struct.pack(">BBHI", ver << 6 | len(opt) // 4, flags, proto, vni << 8) + opt + inner


def case(conf, pkt, body, ds=0):
    return bytes([conf, pkt | FIX, ds]) + body


TCP, UDP, SIX = ETH4 + ip4(), ETH4 + ip4(17, 9), ETH6 + ip6()
VLAN = ETH4[:12] + b"\x81\0\0\x05\x08\0" + ip4()
ARP = ETH4[:12] + b"\x08\x06\0\1\x08\0\6\4\0\1" + bytes(20)
CRIT, PLAIN = b"\1\2\x85\1\0\0\0\x09", b"\x09\x09\5\0"

VXLAN = {
    "tcp4": case(0, 0, vx(TCP)), "tcp6": case(V6, 0, vx(SIX)),
    "udp-sum": case(CSUM, 0, vx(UDP)), "six-sum": case(CSUM | V6, 0, vx(SIX)),
    "nosum6": case(V6, NOSUM, vx(TCP)), "nosum6-refused": case(V6 | CSUM, NOSUM, vx(TCP)),
    "deep": case(0, DEEP, vx(TCP)), "pieces": case(CSUM, PIECES, vx(TCP)),
    "vlan": case(0, 0, vx(VLAN)), "arp": case(CSUM, 0, vx(ARP)),
    "other": case(0, 0, vx(ETH4[:12] + b"\x88\xcc" + bytes(30))),
    "fragment": case(CSUM, 0, vx(ETH4 + ip4(frag=0x2000))),
    "group": case(0, 0, vx(TCP, 0x88, 0x48, 0x1234)), "gpe": case(0, 0, vx(TCP, 0x0c)),
    "no-id": case(0, 0, vx(TCP, 0)), "rest": case(0, 0, vx(TCP, vni=8)),
    "rco": case(REM, 0, vx(TCP, b1=0x20, last=17)),
    "rco-udp": case(REM, 0, vx(UDP, b1=0x20, last=0x80 | 17)),
    "rco-payload": case(REM, PIECES, vx(TCP, b1=0x20, last=0x80 | 30)),
    "rco-off": case(0, 0, vx(TCP, b1=0x20, last=17)),
    "ce": case(0, 0, vx(ETH4 + ip4(tos=2)), 3), "ce-drop": case(0, 0, vx(TCP), 3),
    "owed": case(CSUM, OWED | DEEP, vx(TCP)), "ok": case(CSUM, OK, vx(TCP)),
    "lie": case(0, IP4, vx(ETH4 + ip4()[:2] + b"\7\xff" + ip4()[4:])),
    "padded": case(CSUM, 0, vx(TCP + bytes(5))), "short": case(0, 0, vx(b"")[:5]),
    "twice": case(0, DEEP, vx(ETH4 + ip4(17, 60))),
}
GENEVE = {
    "eth": case(0, 0, gen(TCP)), "ip4": case(0, 0, gen(ip4(), 0x0800)),
    "ip6": case(V6 | CSUM, 0, gen(ip6(17), 0x86dd)), "l2": case(L2, 0, gen(ip4(), 0x0800)),
    "opt": case(CSUM, 0, gen(TCP, opt=PLAIN * 3)),
    "critical": case(0, 0, gen(TCP, opt=CRIT, flags=0x40)),
    "known": case(OPT, PIECES, gen(TCP, opt=PLAIN + CRIT, flags=0x40)),
    "beyond": case(0, 0, gen(TCP, opt=b"\x09\x09\5\x05" + PLAIN)),
    "most": case(CSUM, 0, gen(TCP, opt=(b"\x09\x09\5\x1e" + bytes(120)) * 2 + PLAIN)),
    "oam": case(0, 0, gen(TCP, flags=0x80)), "version": case(0, 0, gen(TCP, ver=1)),
    "type": case(0, 0, gen(TCP, 0x8847)), "rest": case(0, 0, gen(TCP, vni=8)),
    "arp": case(V6 | CSUM, 0, gen(ARP)), "ce": case(0, 0, gen(ip6(tc=1), 0x86dd), 3),
    "version4as6": case(0, 0, gen(ip4(), 0x86dd)), "ok": case(CSUM, OK, gen(UDP)),
    "short": case(0, 0, gen(b"", opt=PLAIN)[:11]), "vlan": case(CSUM, 0, gen(VLAN)),
    "padded": case(CSUM, 0, gen(ip4() + bytes(3), 0x0800)),
}


def main():
    for name, cases in (("vxlan", VXLAN), ("geneve", GENEVE)):
        d = os.path.join(sys.argv[1], name)
        os.makedirs(d, exist_ok=True)
        for k, v in cases.items():
            with open(os.path.join(d, k), "wb") as f:
                f.write(v)


if __name__ == "__main__":
    main()
