# SPDX-License-Identifier: BSD-2-Clause
"""Scratch network namespaces, programs in them, and a gustd between two.

Everything that is made here is named after this process (gust<pid>-...) and
is taken away by Lab.close(); nothing outside is touched.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class LabError(Exception):
    pass


class Lab:
    def __init__(self):
        self.prefix = f"gust{os.getpid()}"
        self.spaces = []
        self.procs = []
        self.dir = tempfile.mkdtemp(prefix=self.prefix + "-")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # ---- namespaces ----

    def space(self, name, congestion="reno"):
        """Make namespace NAME; returns its full name."""
        full = f"{self.prefix}-{name}"
        subprocess.run(["ip", "netns", "add", full], check=True)
        self.spaces.append(full)
        self.run(full, "ip", "link", "set", "lo", "up")
        self.sysctl(full, "net.ipv4.ip_local_port_range", "1024 65535")
        if congestion:
            self.sysctl(full, "net.ipv4.tcp_congestion_control", congestion)
        return full

    def drop(self, full):
        """Delete a namespace early; what runs in it has ended."""
        subprocess.run(["ip", "netns", "del", full], check=True)
        self.spaces.remove(full)

    def sysctl(self, ns, key, value):
        self.run(ns, "sysctl", "-q", "-w", f"{key}={value}")

    def veth(self, a, b, dev_a, dev_b, addrs_a=(), addrs_b=()):
        """A veth pair between two namespaces, with addresses, both ends up."""
        self.run(a, "ip", "link", "add", dev_a, "type", "veth", "peer", "name", dev_b,
                 "netns", b)
        for ns, dev, addrs in ((a, dev_a, addrs_a), (b, dev_b, addrs_b)):
            for addr in addrs:
                extra = ["nodad"] if ":" in addr else []
                self.run(ns, "ip", "addr", "add", addr, "dev", dev, *extra)
            self.run(ns, "ip", "link", "set", dev, "up")

    # ---- programs ----

    def argv(self, ns, cmd):
        return (["ip", "netns", "exec", ns] if ns else []) + [str(c) for c in cmd]

    def run(self, ns, *cmd, check=True, timeout=60, **kw):
        """Run to the end; returns CompletedProcess with text output."""
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.STDOUT)
        r = subprocess.run(self.argv(ns, cmd), text=True, timeout=timeout, **kw)
        if check and r.returncode:
            raise LabError(f"{' '.join(map(str, cmd))}: exit {r.returncode}: {r.stdout}")
        return r

    def start(self, ns, *cmd, log=None, **kw):
        """Start in the background. Output goes to the file LOG in the lab's folder."""
        out = open(os.path.join(self.dir, log), "ab") if log else subprocess.DEVNULL
        kw.setdefault("stdout", out)
        kw.setdefault("stderr", subprocess.STDOUT if log else subprocess.DEVNULL)
        kw.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.Popen(self.argv(ns, cmd), start_new_session=True, **kw)
        if log:
            out.close()
        self.procs.append(p)
        return p

    def stop(self, p, timeout=5):
        """End a program that start() began; returns its exit status."""
        if p.poll() is None:
            p.terminate()
            try:
                p.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()
        if p in self.procs:
            self.procs.remove(p)
        return p.returncode

    def log(self, name):
        try:
            with open(os.path.join(self.dir, name), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_port(self, ns, port, proto="tcp", timeout=10):
        """Until something listens on PORT in the namespace."""
        flag = "-ltnH" if proto == "tcp" else "-lunH"
        until(lambda: self.run(ns, "ss", flag, f"sport = :{port}").stdout.strip(),
              timeout, f"no {proto} listener on {port}")

    def close(self):
        try:  # a second Ctrl-C is not to interrupt this
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        except ValueError:
            pass  # not the main thread
        for p in list(reversed(self.procs)):
            self.stop(p)
        for ns in self.spaces:
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL)
        self.spaces = []
        shutil.rmtree(self.dir, ignore_errors=True)


def until(cond, timeout, what):
    """Poll COND until it is true; LabError(WHAT) after TIMEOUT seconds."""
    end = time.monotonic() + timeout
    while True:
        r = cond()
        if r:
            return r
        if time.monotonic() > end:
            raise LabError(f"timeout after {timeout}s: {what}")
        time.sleep(0.02)


CONF = """\
control = "{sock}"
log = "{log}"
workers = {workers}
{top}
interface "{name}" {{
    mode = {mode}
    netns = "{netns}"
    {interface}
}}
{rest}
"""


class Gust:
    """One gustd in namespace HOST whose interface is in namespace INSIDE."""

    def __init__(self, lab, host, inside, build="build", name="gust0", mode="tun",
                 workers=1, interface=None, top="", rest="", log="info", wrap=()):
        self.lab, self.host, self.inside, self.name = lab, host, inside, name
        self.mode = mode
        self.build = os.path.join(ROOT, build)
        self.tag = f"{name}-{len(os.listdir(lab.dir))}"
        self.sock = os.path.join(lab.dir, self.tag + ".sock")
        self.conf = os.path.join(lab.dir, self.tag + ".conf")
        self.logname = self.tag + ".log"
        if interface is None:
            interface = default_interface(mode)
        with open(self.conf, "w") as f:
            f.write(CONF.format(sock=self.sock, log=log, workers=workers, name=name, mode=mode,
                                netns=inside, interface=interface, top=top, rest=rest))
        self.wrap = list(wrap)
        self.proc = None
        self.start()

    def start(self):
        notify = os.path.join(self.lab.dir, self.tag + ".notify")
        if os.path.exists(notify):
            os.unlink(notify)
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(notify)
        os.chmod(notify, 0o777)  # gustd may run as another user
        s.settimeout(0.1)
        env = dict(os.environ, NOTIFY_SOCKET=notify)
        self.proc = self.lab.start(self.host, *self.wrap, os.path.join(self.build, "gustd"),
                                   "-c", self.conf, log=self.logname, env=env)
        end = time.monotonic() + 20
        while True:
            if self.proc.poll() is not None or time.monotonic() > end:
                raise LabError(f"gustd did not get ready:\n{self.lab.log(self.logname)}")
            try:
                if b"READY=1" in s.recv(4096):
                    break
            except TimeoutError:
                pass
        s.close()

    @property
    def pid(self):
        return self.proc.pid

    def stop(self):
        return self.lab.stop(self.proc, 15)

    def ctl(self, *args):
        """One JSON document of gustctl."""
        r = self.lab.run(self.host, os.path.join(self.build, "gustctl"), "-s", self.sock,
                         "--json", *args, stderr=subprocess.PIPE)
        return json.loads(r.stdout)

    def log(self):
        return self.lab.log(self.logname)


def default_interface(mode, v4="10.111.0", v6="fd00:111:"):
    """Addresses: the kernel's end .1, the stack .2; all routes through it."""
    if mode == "tun":
        return (f'address = {{"{v4}.1 peer {v4}.2", "{v6}:1 peer {v6}:2"}}\n'
                f'    route = {{"default", "::/0"}}')
    return (f'address = {{"{v4}.1/24", "{v6}:1/64"}}\n    stack = {{"{v4}.2", "{v6}:2"}}\n'
            f'    route = {{"default via {v4}.2", "::/0 via {v6}:2"}}')


def cpu_ms(pid):
    """User and system time of a process so far, milliseconds."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
