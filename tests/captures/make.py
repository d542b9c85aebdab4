#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the captures of test_reversible again: real programs, one packet a segment.

usage: make.py [DIRECTORY]       (needs root, tcpdump, iperf3, curl, ethtool)

Two namespaces with a veth pair between them, all offloads off, so that what tcpdump
sees at the receiving end is what would be on a wire: no superpackets, checksums
complete. The files are small on purpose (they are in the repository).
"""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from netlab import Lab, until  # noqa: E402

OFF = ["tx", "off", "rx", "off", "sg", "off", "tso", "off", "gso", "off", "gro", "off"]
A4, B4, A6, B6 = "10.111.0.1", "10.111.0.2", "fd00:6f::1", "fd00:6f::2"

# Keystrokes and their echoes, as a remote shell has them.
KEYS_SERVER = """
import socket
s = socket.create_server(("{b}", 2222), family=socket.{fam})
c, _ = s.accept()
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
while True:
    d = c.recv(4096)
    if not d:
        break
    c.sendall(d)
    if len(d) > 30:
        for _ in range(6):
            c.sendall(bytes(100 + len(d)))
"""
KEYS_CLIENT = """
import socket, time
c = socket.create_connection(("{b}", 2222))
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for i in range(30):
    c.sendall(bytes(36 if i % 10 else 68))
    if i % 3 == 0:
        time.sleep(0.003)
c.shutdown(socket.SHUT_WR)
while c.recv(4096):
    pass
"""
# Datagrams of one size in a burst, a short tail, some without a checksum.
BURSTS = """
import socket
SO_NO_CHECK = 11
for fam, to in ((socket.AF_INET, "{b4}"), (socket.AF_INET6, "{b6}")):
    for check in (True, False):
        s = socket.socket(fam, socket.SOCK_DGRAM)
        if fam == socket.AF_INET and not check:
            s.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        s.connect((to, 9999))
        for i in range(16):
            s.send(bytes([i]) * (500 if i % 8 < 7 else 123))
"""
SINK = """
import socket, time
s = [socket.socket(f, socket.SOCK_DGRAM) for f in (socket.AF_INET, socket.AF_INET6)]
s[1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
for x, a in zip(s, ("0.0.0.0", "::")):
    x.bind((a, 9999))
time.sleep(60)
"""


class Maker:
    def __init__(self, lab, out):
        self.lab, self.out = lab, out
        self.a, self.b = lab.space("a"), lab.space("b")
        lab.veth(self.a, self.b, "va", "vb", [A4 + "/24", A6 + "/64"],
                 [B4 + "/24", B6 + "/64"])
        for ns, dev in ((self.a, "va"), (self.b, "vb")):
            lab.run(ns, "ethtool", "-K", dev, *OFF)
        lab.run(self.a, "ping", "-c1", "-W2", B4)
        lab.run(self.a, "ping", "-c1", "-W2", B6)

    def capture(self, name, run):
        """What arrives at b's or a's end while RUN runs, in NAME.pcap."""
        path = os.path.join(self.out, name + ".pcap")
        d = self.lab.start(self.b, "tcpdump", "-i", "vb", "-U", "--immediate-mode", "-w", path, "ip or ip6",
                           log="tcpdump")
        until(lambda: "listening on" in self.lab.log("tcpdump"), 5, "tcpdump")
        run()
        time.sleep(0.5)
        self.lab.stop(d)
        os.remove(os.path.join(self.lab.dir, "tcpdump"))
        print(f"{path}: {os.path.getsize(path)} bytes")

    def http(self, host, size):
        www = os.path.join(self.lab.dir, "www")
        os.makedirs(www, exist_ok=True)
        with open(os.path.join(www, "file"), "wb") as f:
            f.write(bytes(i * 7 % 251 for i in range(size)))
        s = self.lab.start(self.a, "python3", "-m", "http.server", "-b", host, "-d", www, "80")
        self.lab.wait_port(self.a, 80)
        url = f"http://[{host}]/file" if ":" in host else f"http://{host}/file"
        self.lab.run(self.b, "curl", "-sS", "-o", "/dev/null", url)
        self.lab.stop(s)

    def iperf(self, host, *args):
        s = self.lab.start(self.b, "iperf3", "-s", "-1", "-B", host)
        self.lab.wait_port(self.b, 5201)
        self.lab.run(self.a, "iperf3", "-c", host, *args)
        self.lab.stop(s)

    def keys(self, host):
        fam = "AF_INET6" if ":" in host else "AF_INET"
        s = self.lab.start(self.b, "python3", "-c", KEYS_SERVER.format(b=host, fam=fam))
        self.lab.wait_port(self.b, 2222)
        self.lab.run(self.a, "python3", "-c", KEYS_CLIENT.format(b=host))
        self.lab.stop(s)

    def bursts(self):
        s = self.lab.start(self.b, "python3", "-c", SINK)
        self.lab.wait_port(self.b, 9999, "udp")
        self.lab.run(self.a, "python3", "-c", BURSTS.format(b4=B4, b6=B6))
        self.lab.stop(s)


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else HERE
    with Lab() as lab:
        m = Maker(lab, out)
        m.capture("http4", lambda: m.http(A4, 40000))
        m.capture("http6", lambda: m.http(A6, 30000))
        m.capture("iperf3-tcp4", lambda: m.iperf(B4, "-l", "8K", "-n", "16K", "-P", "2"))
        m.capture("iperf3-tcp6", lambda: m.iperf(B6, "-l", "8K", "-n", "32K"))
        m.capture("iperf3-udp4", lambda: m.iperf(B4, "-u", "-b", "0", "-l", "1000", "-n", "20K"))
        m.capture("iperf3-udp6", lambda: m.iperf(B6, "-u", "-b", "0", "-l", "900", "-n", "15K"))
        m.capture("keys4", lambda: m.keys(B4))
        m.capture("keys6", lambda: m.keys(B6))
        m.capture("udp-bursts", m.bursts)


if __name__ == "__main__":
    main()
