#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the corpus of fuzz_fib: tests/fuzz/mkcorpus_fib.py [DIRECTORY]

A file is a list of operations, each with an op byte (bits 0-1: what, 2: IPv6, 3: a
variant) and what it needs:
  0 add        address, prefix length, destination; variant: replace
  1 remove     address, prefix length; variant: index of a route that is there
  2 look up    address, in the newest snapshot
  3 look back  address, in the held snapshot; variant: then hold the newest
An address is 0x80 and its 4 or 16 bytes, or a pattern byte and its last byte.
"""
import ipaddress
import os
import random
import sys


def addr(text):
    if isinstance(text, int):
        return bytes([text & 0x7F, text >> 8])
    return b"\x80" + ipaddress.ip_address(text).packed


def v6(a):
    return not isinstance(a, int) and ":" in a


def add(a, plen, dest, replace=False, six=None):
    six = v6(a) if six is None else six
    return bytes([six << 2 | replace << 3]) + addr(a) + bytes([plen, dest])


def rem(a, plen, six=None):
    six = v6(a) if six is None else six
    return bytes([1 | six << 2]) + addr(a) + bytes([plen])


def rem_nth(i):
    return bytes([9, i])


def look(a, six=None):
    six = v6(a) if six is None else six
    return bytes([2 | six << 2]) + addr(a)


def back(a, hold=False):
    return bytes([3 | v6(a) << 2 | hold << 3]) + addr(a)


def cases():
    yield "nothing", look("192.0.2.1") + look("2001:db8::1") + back("::", True)
    yield "default", add("0.0.0.0", 0, 1) + look("192.0.2.1") + look("::1")
    nest = b"".join(add("10.1.2.3", n, n % 12) for n in range(33))
    yield "nested", nest + look("10.1.2.3") + look("10.1.2.2") + look("11.0.0.0")
    yield "nested-gone", nest + b"".join(rem("10.1.2.3", n) + look("10.1.2.3")
                                         for n in range(33))
    nest6 = b"".join(add("2001:db8::1", n, n % 12) for n in range(129))
    yield "nested6", nest6 + look("2001:db8::1") + look("2001:db8::")
    yield "nested6-gone", nest6 + b"".join(rem("2001:db8::1", n) + look("2001:db8::1")
                                           for n in reversed(range(129)))
    yield "pair", add("2001:db8::1", 128, 1) + add("2001:db8::", 128, 2) + \
        look("2001:db8::") + rem("2001:db8::1", 128) + look("2001:db8::1") + \
        look("2001:db8::")
    yield "replace", add("10.0.0.0", 8, 1) + add("10.0.0.0", 8, 2) + look("10.9.9.9") + \
        add("10.0.0.0", 8, 2, True) + look("10.9.9.9")
    yield "plen", add("10.0.0.0", 33, 1) + add("2001:db8::", 129, 1)
    yield "many-dests", b"".join(add(f"10.{i}.0.0", 16, i) for i in range(16)) + \
        rem_nth(0) + add("10.15.0.0", 16, 15) + look("10.15.0.1")
    yield "siblings", b"".join(add(f"10.0.{i}.0", 24, i % 12) for i in range(64)) + \
        b"".join(look(f"10.0.{i}.9") for i in range(64)) + \
        b"".join(rem_nth(i * 7 % 64) for i in range(64))
    yield "full", b"".join(add(f"10.{i // 256}.{i % 256}.0", 24, i % 12)
                           for i in range(301)) + look("10.1.43.1")
    yield "held", add("10.0.0.0", 8, 1) + back("10.0.0.1", True) + add("10.0.0.0", 9, 2) + \
        back("10.0.0.1") + look("10.0.0.1") + rem("10.0.0.0", 8) + back("10.0.0.1") + \
        back("10.128.0.1", True) + back("10.128.0.1")
    rnd = random.Random(1)
    for name in ("chance-a", "chance-b"):
        ops = b""
        for _ in range(250):
            a, six = rnd.randrange(1 << 15), rnd.random() < 0.5
            ops += rnd.choice([add(a, rnd.randrange(130 if six else 33), rnd.randrange(12),
                                   rnd.random() < 0.5, six),
                               add(a, rnd.randrange(130 if six else 33), rnd.randrange(12),
                                   False, six), rem_nth(rnd.randrange(256)), look(a, six)])
        yield name, ops


def main():
    where = sys.argv[1] if len(sys.argv) > 1 else \
        os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "fib")
    os.makedirs(where, exist_ok=True)
    for name, data in cases():
        with open(os.path.join(where, name), "wb") as f:
            f.write(data)


main()
