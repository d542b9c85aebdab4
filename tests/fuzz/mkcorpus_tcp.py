#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpus of fuzz_tcp: lists of steps, see fuzz_tcp.c.

usage: mkcorpus_tcp.py DIRECTORY
"""
import os
import struct
import sys

PASSIVE, V6, NO_SACK, NO_TS, NO_WS, NO_NAGLE, RENO, SMALL = (1 << i for i in range(8))
PLAIN, BIG, KEEP = 4, 8, 16
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def u16(v):
    return struct.pack(">H", v & 0xFFFF)


def active(conf=0, caps=0):
    return bytes([conf, caps])


def passive(conf=0, caps=0, opts=0x0F, mss=1460, ws=7, wnd=65535):
    return bytes([conf | PASSIVE, caps, opts]) + u16(mss) + bytes([ws]) + u16(wnd)


def wait(us):
    return b"\x00" + u16(us)


TIMER = b"\x01"


def wait_ms(ms):
    return b"\x02" + u16(ms)


def raw(flags, seq=0, ack=0, wnd=65535, length=None, urp=None, opts=b"\x20"):
    mode = (16 if length is not None else 0) | (8 if urp is not None else 0) | 4
    out = b"\x03" + bytes([flags, mode]) + opts[:1] + u16(seq) + u16(ack) + u16(wnd)
    if urp is not None:
        out += u16(urp)
    out += opts[1:]
    return out + (u16(length) if length is not None else b"")


def handshake(ws=7):
    return b"\x04" + bytes([ws])


THIRD_ACK = b"\x04"


def data(n):
    return b"\x05" + u16(n)


def superdata(n):
    return b"\x06" + u16(n)


def later(off, n):
    return b"\x07" + u16(off) + u16(n)


def fin(off=0, n=0):
    return b"\x08" + bytes([off, n])


def ack(share, wnd=65535):
    return b"\x09" + u16(share) + u16(wnd)


def sack(share, blocks, wnd=65535):
    out = b"\x0a" + bytes([len(blocks) - 1]) + u16(share) + u16(wnd)
    return out + b"".join(u16(gap) + u16(n) for gap, n in blocks)


def icmp(what, off=0, info=0):
    return b"\x0b" + bytes([what]) + u16(off) + u16(info)


def send(n):
    return b"\x0c" + u16(n)


def read(n):
    return b"\x0d" + u16(n)


TAKE, SHUT, DETACH, ABORT, ACCEPT, COMPACT = (bytes([i]) for i in range(14, 20))


def mtu(n):
    return b"\x14" + u16(n - 1280)


ACK_ALL = b"\x15"
STARVE = b"\x16"

OPEN = active() + handshake()
SERVE = passive() + ACCEPT + THIRD_ACK

CASES = {
    "open-send-close": OPEN + send(5000) + ACK_ALL + SHUT + ACK_ALL + fin() + TIMER,
    "serve-receive": SERVE + data(1000) + read(500) + superdata(60000) + TAKE * 20
                     + fin() + SHUT + ACK_ALL,
    "simultaneous-open": active() + raw(SYN, ack=0) + raw(SYN | ACK, seq=-1) + data(100)
                         + read(100),
    "simultaneous-close": OPEN + SHUT + fin() + ACK_ALL + TIMER,
    "held-syn": passive() + wait_ms(3000) + raw(SYN, seq=-1) + ACCEPT + TIMER * 2 + THIRD_ACK,
    "held-syn-abort": passive() + ABORT,
    "refused": active() + raw(RST | ACK),
    "out-of-order": SERVE + later(1000, 500) + later(3000, 500) + later(200, 1400)
                    + data(1460) + COMPACT + read(65535) + later(5, 10) + data(5) + TAKE,
    "sack-recovery": OPEN + send(60000) + sack(0, [(1448, 1448)]) + sack(0, [(1448, 4344)])
                     + sack(0, [(1448, 7240), (1448, 1448)]) + ACK_ALL + send(10) + ACK_ALL,
    "reno-recovery": active(NO_SACK | RENO) + handshake() + send(30000)
                     + ack(0) * 4 + ack(20000) + ACK_ALL,
    "rto": OPEN + send(30000) + TIMER * 6 + ack(30000) + TIMER + ACK_ALL,
    "zero-window": OPEN + send(20000) + ack(65535, 0) + TIMER * 5 + ack(65535, 100)
                   + TIMER + ACK_ALL,
    "small-buffers": passive(SMALL) + ACCEPT + THIRD_ACK + data(1400) * 4 + read(100)
                     + read(5000) + data(1000) + send(16000) + ack(30000, 500) + ACK_ALL,
    "urgent": SERVE + raw(ACK | URG | PSH, length=100, urp=50) + read(100),
    "old-and-future": SERVE + raw(ACK, seq=-2000, length=1000) + raw(ACK, seq=30000)
                      + raw(ACK, ack=30000) + raw(SYN) + raw(RST, seq=5) + raw(RST),
    "icmp": active() + icmp(3) + handshake() + send(30000) + icmp(5, 0, 1000) + ACK_ALL
            + icmp(0x80 | 5, 0, 600),
    "mtu-change": OPEN + send(40000) + mtu(1300) + ack(10000) + mtu(9000) + ACK_ALL,
    "half-close": SERVE + fin() + send(30000) + ack(30000) + ACK_ALL + SHUT + ACK_ALL,
    "detach": SERVE + SHUT + ACK_ALL + DETACH + data(10),
    "detach-wait": SERVE + SHUT + ACK_ALL + DETACH + TIMER * 2,
    "keepalive": active(0, KEEP) + handshake() + TIMER * 3 + ACK_ALL + TIMER * 12,
    "time-wait": OPEN + SHUT + ACK_ALL + fin() + fin(0) + wait_ms(5000)
                 + raw(SYN, seq=5000) + TIMER,
    "v6-big": active(V6, BIG) + handshake(14) + send(65000) * 4 + ACK_ALL * 4 + send(65000),
    "plain-no-options": active(NO_SACK | NO_TS | NO_WS | NO_NAGLE, PLAIN) + handshake()
                        + send(10000) + ACK_ALL + data(700) + TIMER + read(700),
    "abort": SERVE + send(1000) + data(50) + ABORT,
    "vanish": OPEN + send(1000) + TIMER * 20,
    "send-first": active() + send(3000) + handshake() + ACK_ALL,
    "starved": active() + STARVE + handshake() + STARVE + send(3000) + STARVE + TIMER
               + data(100) + STARVE + TIMER + SHUT + STARVE + TIMER + ACK_ALL + fin() + STARVE
               + TIMER,
    "wrap": SERVE + superdata(8192) * 3 + read(65535) + later(100, 100) + data(1460),
}


def main():
    target = sys.argv[1]
    os.makedirs(target, exist_ok=True)
    for name, steps in CASES.items():
        with open(os.path.join(target, name), "wb") as f:
            f.write(steps)


main()
