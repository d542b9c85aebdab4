# SPDX-License-Identifier: BSD-2-Clause
"""Sockets that belong to another network namespace, and streams that prove
themselves.

A socket stays in the namespace in which it was made, so one test holds both
ends of a connection that crosses the daemon.
"""
import contextlib
import ctypes
import errno
import os
import random
import select
import socket
import struct
import threading
import time

CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        e = ctypes.get_errno()
        raise OSError(e, "setns: " + os.strerror(e))


@contextlib.contextmanager
def inside(ns):
    """The calling thread is in namespace NS for the time of the block."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{ns}", os.O_RDONLY)
    try:
        _setns(there)
        yield
    finally:
        _setns(home)
        os.close(there)
        os.close(home)


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def make(ns, fam, kind, proto=0, timeout=20):
    with inside(ns):
        s = socket.socket(fam, kind, proto)
    s.settimeout(timeout)
    return s


def connect(ns, addr, port, timeout=20, source=None, mss=0):
    s = make(ns, family(addr), socket.SOCK_STREAM, timeout=timeout)
    try:
        if mss:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        if source:
            s.bind(source)
        s.connect((addr, port))
    except BaseException:
        s.close()
        raise
    return s


def listen(ns, fam=socket.AF_INET, addr=None, port=0, backlog=128, timeout=20):
    s = make(ns, fam, socket.SOCK_STREAM, timeout=timeout)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if fam == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((addr or ("::" if fam == socket.AF_INET6 else "0.0.0.0"), port))
    s.listen(backlog)
    return s


def udp(ns, fam=socket.AF_INET, addr=None, port=0, to=None, timeout=5):
    """A datagram socket, bound or connected (to = (ADDR, PORT))."""
    s = make(ns, family(to[0]) if to else fam, socket.SOCK_DGRAM, timeout=timeout)
    if s.family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if to:
        s.connect(to)
    else:
        s.bind((addr or ("::" if fam == socket.AF_INET6 else "0.0.0.0"), port))
    return s


def recv_exact(s, n):
    """N bytes, or fewer at the end of the stream."""
    got = bytearray()
    while len(got) < n:
        part = s.recv(n - len(got))
        if not part:
            break
        got += part
    return bytes(got)


def port_of(s):
    return s.getsockname()[1]


def pair(client_ns, server_ns, addr, timeout=20, listen_addr=None):
    """A connection through the daemon: (inside's end, host's end)."""
    with contextlib.closing(listen(server_ns, family(addr), listen_addr,
                                   timeout=timeout)) as ls:
        c = connect(client_ns, addr, port_of(ls), timeout)
        s = ls.accept()[0]
    s.settimeout(timeout)
    return c, s


def reset(s):
    """Close with a reset."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def errno_of(fn, *args):
    """The errno with which FN fails; 0 when it does not."""
    try:
        fn(*args)
    except TimeoutError:
        return errno.ETIMEDOUT
    except OSError as e:
        return e.errno
    return 0


def blocked(s):
    """Would a write have to wait now?"""
    return not select.select([], [s], [], 0)[1]


# ---- streams: the byte at every position is known ----

# A prime, so that no packet or buffer size ever divides it.
PERIOD = 1048583
_ONCE = random.Random(20240817).randbytes(PERIOD)
_TWICE = _ONCE + _ONCE
_VIEW = memoryview(_TWICE)


def pattern(off, n):
    """Bytes [off, off + n) of the endless stream; n up to PERIOD."""
    off %= PERIOD
    return _TWICE[off:off + n]


def send_stream(s, total=None, until=None, chunk=262144, off=0):
    """Send TOTAL bytes, or until the event UNTIL is set. Returns bytes sent."""
    sent = 0
    while (total is None or sent < total) and not (until and until.is_set()):
        n = chunk if total is None else min(chunk, total - sent)
        at = (off + sent) % PERIOD
        sent += s.send(_VIEW[at:at + n])
    return sent


def recv_stream(s, total=None, chunk=262144, off=0, progress=None):
    """Receive TOTAL bytes, or up to the end of the stream; every byte is
    compared. Returns bytes received. PROGRESS: a list whose first element
    follows the count."""
    buf = memoryview(bytearray(chunk))
    got = 0
    while total is None or got < total:
        n = s.recv_into(buf, chunk if total is None else min(chunk, total - got))
        if not n:
            if total is not None:
                raise AssertionError(f"end of stream after {got} of {total} bytes")
            break
        if bytes(buf[:n]) != pattern(off + got, n):
            want = pattern(off + got, n)
            bad = next(i for i in range(n) if buf[i] != want[i])
            raise AssertionError(f"byte {got + bad} of the stream is wrong "
                                 f"(0x{buf[bad]:02x}, expected 0x{want[bad]:02x})")
        got += n
        if progress is not None:
            progress[0] = got
    return got


class Job(threading.Thread):
    """A function in the background whose failure is not lost."""

    def __init__(self, fn, *args, **kw):
        super().__init__(daemon=True)
        self.fn, self.args, self.kw = fn, args, kw
        self.result = self.error = None
        self.start()

    def run(self):
        try:
            self.result = self.fn(*self.args, **self.kw)
        except BaseException as e:  # handed to whoever waits
            self.error = e

    def wait(self, timeout=60):
        self.join(timeout)
        if self.is_alive():
            raise AssertionError(f"{self.fn.__name__} did not end within {timeout} s")
        if self.error:
            raise self.error
        return self.result


def transfer(a, b, n, timeout=60):
    """N bytes from socket A to socket B, compared; seconds that it took."""
    t0 = time.monotonic()
    tx = Job(send_stream, a, n)
    recv_stream(b, n)
    tx.wait(timeout)
    return time.monotonic() - t0


class UdpEcho:
    """Answers every datagram with itself, in a thread."""

    def __init__(self, ns, fam=socket.AF_INET, addr=None, port=0):
        self.sock = udp(ns, fam, addr, port, timeout=None)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        self.port = port_of(self.sock)
        self.peers = set()
        self.job = Job(self.run)

    def run(self):
        while True:
            try:
                data, who = self.sock.recvfrom(65536)
                if not who:  # shut down
                    return
                self.peers.add(who)
                self.sock.sendto(data, who)
            except ConnectionRefusedError:
                continue
            except OSError:
                return

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.job.join(1)
        self.sock.close()
