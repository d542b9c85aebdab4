#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpora of fuzz_conf and fuzz_control.

usage: mkcorpus_daemon.py DIRECTORY      (tests/fuzz/corpus)
"""
import json
import os
import sys

CONF = {
    "empty": "# nothing\n",
    "top": 'workers = auto\ncontrol = "/run/x.sock"; log = debug\ndrain = 1500us\nselftest = no\n',
    "publish": 'publish = {"tcp 0.0.0.0:8080 10.111.0.1:80", "udp [::]:53 [fd00::1]:53 device eth0"}\n'
               'publish += {"tcp 127.0.0.1:1 10.0.0.1:2"}\n',
    "interface": 'interface "gust0" {\n mode = tap netns = blue persist = true up = false mtu = 9000\n'
                 ' txqueuelen = 100 gro_max_size = 512K mac = 02:00:5e:10:00:01\n'
                 ' address = {"10.0.0.1 peer 10.0.0.2/32", "fd00::1/64"}\n'
                 ' route = {default, default6, "10.0.0.0/8 via 10.0.0.2 metric 5 table 7"}\n'
                 ' stack = {10.9.9.9} disable = {tx-udp-segmentation, rx-gro}\n}\n',
    "twice": 'interface "a" { stack = {10.0.0.1} }\ninterface "a" { stack += {10.0.0.2} route = {} }\n',
    "relay": 'relay { loopback = off map = {"10.0.0.3 192.0.2.9"} mark = 0x67 device = eth0\n'
             ' source = {192.0.2.1, 2001:db8::1} congestion = reno connect_timeout = 3s\n'
             ' udp_filter = endpoint }\n',
    "tcp": 'tcp { congestion = newreno receive_buffer = 64K receive_buffer_max = 1M\n'
           ' rto_min = 100ms keepalive = 1min ttl = 5 nagle = off }\n'
           'udp { timeout = 3min timeout_dns = 5s }\n',
    "limits": 'limits { flows = 100 half_open = 10 slab_size = 512K packets = 2048 }\n'
              'services { echo = true chargen = yes }\n',
    "comments": '/* a\n b */ log = info // c\n# d\nlog = "err" /* e */\n',
    "unknown": 'worker = 2\nfoo "x" { a = {1, 2} b { c = 1 } }\ntcp { quux = 1 nagle = maybe }\n',
    "wrong": 'workers = 65\ninterface "a b" { mtu = 20 address = {"1.2.3.4.5"} }\nlimits { flows = x }\n',
    "unclosed": 'tcp { sack = true\n',
    "string": 'log = "in\\x66o\\n\\t\\101" control = \'/a\\\'b\'\n',
}

STREAMS = {
    "status": [{"method": "gust.Status"}],
    "features": [{"method": "gust.Features", "parameters": {}}],
    "stats": [{"parameters": {}, "method": "gust.Stats"}],
    "flows": [{"method": "gust.Flows", "parameters": {"proto": "tcp", "address": "10.0.0.0/8"}}],
    "flows6": [{"method": "gust.Flows", "parameters": {"address": "2001:db8::/32"}}],
    "explain": [{"method": "gust.Explain", "parameters": {"destination": "2001:db8::1",
                                                          "proto": "udp", "port": 53}}],
    "two": [{"method": "gust.Flows", "parameters": {"proto": "udp"}}, {"method": "gust.Stats"}],
    "capture": [{"method": "gust.Capture",
                 "parameters": {"view": "wire", "snaplen": 96, "count": 20, "buffer": 1048576,
                                "section_bytes": 65536, "section_seconds": 60,
                                "filter": "tcp port 80", "port": "gust0"}}],
    "selftest": [{"method": "gust.Selftest"}, {"method": "gust.Selftest", "parameters": {}},
                 {"method": "gust.Selftest", "parameters": {"proto": "tcp"}}],
    "refused": [{"method": "gust.Quit"}, {"method": 1}, [], {"method": "gust.Status", "more": True}],
}


def put(directory, name, data):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as f:
        f.write(data)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, text in CONF.items():
        put(os.path.join(sys.argv[1], "conf"), name, text.encode())
    for name, requests in STREAMS.items():
        data = b"".join(json.dumps(r).encode() + b"\0" for r in requests)
        put(os.path.join(sys.argv[1], "control"), name, data)
    put(os.path.join(sys.argv[1], "control"), "duplicate",
        b'{"method":"gust.Status","method":"gust.Stats"}\0')
    put(os.path.join(sys.argv[1], "control"), "partial", b'{"method":"gust.Sta')


main()
