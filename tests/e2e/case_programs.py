# SPDX-License-Identifier: BSD-2-Clause
"""Real programs through gust: iperf3, curl and nginx, ssh, redis, TLS, DNS."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading

from rig import ALL, PAIR, SOME, STACK, WORLD, Failure, case, check, equal, until


def url_host(addr):
    return f"[{addr}]" if ":" in addr else addr


def path(rig, name):
    d = os.path.join(rig.lab.dir, name)
    os.makedirs(d, exist_ok=True)
    return d


def same(a, b):
    return subprocess.run(["cmp", "-s", a, b]).returncode == 0


# ---- iperf3 ----

def iperf_server(rig):
    def make():
        p = rig.lab.start(rig.H, "iperf3", "-s", "-p", "5201", log="iperf3.log")
        rig.lab.wait_port(rig.H, 5201)
        return p, 5201
    return rig.server("iperf3", make)


def iperf(rig, fam, *args):
    port = iperf_server(rig)
    r = rig.inside("iperf3", "-c", STACK[fam], "-p", port, "-J", *args, check=False,
                   timeout=40, stderr=subprocess.DEVNULL)
    try:
        d = json.loads(r.stdout)
    except ValueError:
        raise Failure(f"iperf3 {' '.join(map(str, args))}: {r.stdout[-200:]}") from None
    if "error" in d:
        raise Failure(f"iperf3 {' '.join(map(str, args))} over IPv{fam}: {d['error']}")
    return d["end"]


@case(*SOME, timeout=90)
def test_iperf3_tcp(rig):
    n = rig.size("400M", "40M")
    want = int(n[:-1]) << 20
    best = 0
    for fam in (4, 6):
        for args in ([], ["-R"], ["-P", "4"], ["-P", "4", "-R"]):
            end = iperf(rig, fam, "-n", n, *args)
            got = end["sum_received"]["bytes"]
            # the receiver's figure is taken when the sender has sent it all:
            # what buffers hold then is missing
            check(got > want - max(want * 0.1, 24 << 20),
                  f"iperf3 {args} over IPv{fam}: {got} of {want} bytes")
            best = max(best, end["sum_received"]["bits_per_second"])
    rig.note(f"best {best / 1e9:.1f} Gbit/s")


@case("tun2", quick=False)
def test_iperf3_bidir(rig):
    for fam in (4, 6):
        end = iperf(rig, fam, "-t", "1", "--bidir")
        for key in ("sum_received", "sum_received_bidir_reverse"):
            check(end[key]["bytes"] > (1 << 20), f"{key} over IPv{fam}: {end[key]['bytes']}")


@case(*SOME, quick=False)
def test_iperf3_udp(rig):
    rate = "30M" if rig.sanitized else "100M"
    for fam in (4, 6):
        for args in ([],) if (fam == 4) == (rig.mode == "tun") else (["-R"],):
            # on a busy machine iperf3 itself reads too late now and then
            lost = []
            while not lost or (lost[-1] >= 0.5 and len(lost) < 4):
                s = iperf(rig, fam, "-u", "-b", rate, "-l", "1400", "-t", "1", *args)["sum"]
                check(s["packets"] > 1000, f"{s['packets']} datagrams")
                lost.append(s["lost_percent"])
            check(lost[-1] < 0.5, f"IPv{fam} {args}: lost {lost} % in {len(lost)} attempts")


# ---- curl and nginx ----

NGINX = """\
worker_processes 1; daemon off; pid {d}/pid; error_log {d}/error.log; user root;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; client_max_body_size 0; server_tokens off;
    client_body_temp_path {root}/body; proxy_temp_path {d}/proxy;
    fastcgi_temp_path {d}/fcgi; uwsgi_temp_path {d}/uwsgi; scgi_temp_path {d}/scgi;
    server {{
        listen 8080; listen [::]:8080; root {root};
        location /put/ {{ root {root}; dav_methods PUT; create_full_put_path on; }}
    }}
}}
"""


def nginx(rig):
    def make():
        d = path(rig, "nginx")
        with open(d + "/nginx.conf", "w") as f:
            f.write(NGINX.format(d=d, root=rig.data))
        p = rig.lab.start(rig.H, "nginx", "-c", d + "/nginx.conf", "-e", d + "/error.log",
                          log="nginx.log")
        rig.lab.wait_port(rig.H, 8080)
        return p, 8080
    return rig.server("nginx", make)


@case(*ALL, timeout=120)
def test_curl_nginx(rig):
    """A gigabyte down, compared as it comes, and a large part of it up."""
    f = rig.file(rig.size(1 << 30 if rig.variant == "tun1" else 200 << 20, 64 << 20))
    name, port = os.path.basename(f), nginx(rig)
    for fam in (4, 6):
        url = f"http://{url_host(STACK[fam])}:{port}"
        r = rig.inside("sh", "-c", f"curl -sS -f -m 60 -g '{url}/{name}' | cmp - {f}")
        equal(r.stdout, "", "curl and cmp")
        if (fam == 4) != (rig.variant == "tun1"):
            continue
        up = f"{rig.data}/put/up{fam}"
        rig.inside("curl", "-sS", "-f", "-m", "60", "-g", "-T", f, f"{url}/put/up{fam}",
                   "-o", "/dev/null")
        check(same(f, up), f"the file sent up over IPv{fam} differs")
        os.unlink(up)


@case(*PAIR)
def test_curl_many(rig):
    """Hundreds of small requests, on one connection and on many."""
    small = os.path.join(rig.data, "small.txt")
    with open(small, "w") as f:
        f.write("a small file\n")
    port, n = nginx(rig), rig.size(200, 40)
    for fam in (4, 6):
        url = f"http://{url_host(STACK[fam])}:{port}/small.txt?[1-{n}]"
        r = rig.inside("curl", "-sS", "-f", "-m", "30", url.replace("[fd", r"\[fd").replace(
            "2]", r"2\]") if fam == 6 else url)
        equal(r.stdout, "a small file\n" * n, "answers")
        r = rig.inside("curl", "-sS", "-f", "-m", "30", "-Z", "--parallel-max", "50", "-g",
                       *[f"http://{url_host(STACK[fam])}:{port}/small.txt"] * n)
        equal(r.stdout.count("a small file\n"), n, "answers in parallel")


@case(*PAIR, plain=True)
def test_curl_world(rig):
    """A server beyond the host."""
    d = path(rig, "www")
    data = os.urandom(3 << 20)
    with open(d + "/x.bin", "wb") as f:
        f.write(data)
    rig.lab.start(rig.W, "python3", "-c",
                  "import http.server,socket,functools\n"
                  "class S(http.server.ThreadingHTTPServer): address_family = socket.AF_INET6\n"
                  "S(('::', 8000), functools.partial(http.server.SimpleHTTPRequestHandler, "
                  f"directory='{d}')).serve_forever()")
    rig.lab.wait_port(rig.W, 8000)
    for fam in (4, 6):
        rig.inside("curl", "-sS", "-f", "-m", "20", "-g", "-o", d + "/got",
                   f"http://{url_host(WORLD[fam])}:8000/x.bin")
        with open(d + "/got", "rb") as f:
            check(f.read() == data, f"the file over IPv{fam} differs")


# ---- ssh ----

SSHD = """\
Port 2222
HostKey {d}/host
AuthorizedKeysFile {d}/user.pub
PidFile {d}/pid
StrictModes no
UsePAM {pam}
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
UseDNS no
MaxStartups 100
"""


def sshd(rig):
    def make():
        d = path(rig, "ssh")
        for k in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{d}/{k}"],
                           check=True)
        with open("/etc/shadow") as f:
            locked = any(line.startswith("root:!") for line in f)
        with open(d + "/sshd_config", "w") as f:
            f.write(SSHD.format(d=d, pam="yes" if locked else "no"))
        # its privilege separation folder is made where only it sees it: a
        # program in a namespace has mounts of its own
        p = rig.lab.start(rig.H, "sh", "-c", "mount -t tmpfs none /run && mkdir /run/sshd && "
                          f"exec {shutil.which('sshd') or '/usr/sbin/sshd'} -D -e -f "
                          f"{d}/sshd_config", log="sshd.log")
        rig.lab.wait_port(rig.H, 2222)
        return p, 2222
    return rig.server("sshd", make)


@case(*SOME, quick="tun1")
def test_ssh(rig):
    """A command, and 50 MB copied both ways."""
    port = sshd(rig)
    d = path(rig, "ssh")
    f = rig.file(rig.size(50 << 20, 8 << 20))
    opts = ["-F", "none", "-i", d + "/user", "-o", "StrictHostKeyChecking=no", "-o",
            "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"]
    for fam in (4, 6):
        def ssh(cmd, fam=fam):
            return ["ssh", *opts, "-p", str(port), f"root@{STACK[fam]}", cmd]
        r = rig.inside(*ssh("echo $((6 * 7)); exit 3"), check=False)
        equal((r.stdout, r.returncode), ("42\n", 3), "a command over ssh")
        with open(f, "rb") as src:
            r = rig.inside(*ssh(f"cmp - {f} && echo same"), stdin=src, check=False)
        equal(r.stdout, "same\n", f"the file sent over IPv{fam}")
        got = f"{d}/got"
        with open(got, "wb") as dst:
            rig.inside(*ssh(f"cat {f}"), stdout=dst, stderr=None)
        check(same(f, got), f"the file fetched over IPv{fam} differs")


# ---- redis ----

@case(*PAIR)
def test_redis(rig):
    def make():
        p = rig.lab.start(rig.H, "redis-server", "--port", "6379", "--save", "", "--bind",
                          "*", "-::*", "--protected-mode", "no", "--dir", rig.lab.dir,
                          log="redis.log")
        rig.lab.wait_port(rig.H, 6379)
        return p, 6379
    port = rig.server("redis", make)
    n = rig.size(8000, 2000)
    for fam in (4, 6):
        for extra in (["-P", "1"], ["-P", "16", "-d", "1000"]):
            r = rig.inside("redis-benchmark", "-h", STACK[fam], "-p", port, "-n", n, "-c", "50",
                           "-t", "set,get,lpush,lpop", "--csv", *extra)
            rows = re.findall(r'^"(\w+)","([\d.]+)"', r.stdout, re.M)
            equal([k for k, _ in rows], ["SET", "GET", "LPUSH", "LPOP"], "tests done")
        data = os.urandom(100000).hex()
        rig.inside("redis-cli", "-h", STACK[fam], "-p", port, "-x", "set", "key", input=data)
        equal(rig.inside("redis-cli", "-h", STACK[fam], "-p", port, "get", "key").stdout.strip(),
              data, "the value")


# ---- TLS ----

@case(*SOME, quick="tun1")
def test_tls(rig):
    """openssl s_server to s_client and back, by checksum."""
    d = path(rig, "tls")
    if not os.path.exists(d + "/cert"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", d + "/key", "-out",
                        d + "/cert", "-days", "2", "-subj", "/CN=gust.test"],
                       check=True, capture_output=True)
    f = rig.file(rig.size(50 << 20, 8 << 20))
    name = os.path.basename(f)
    with open(f, "rb") as src:
        want = hashlib.sha256(src.read()).hexdigest()
    for fam in (4, 6):
        server = ["openssl", "s_server", f"-{fam}", "-accept", "4433", "-cert", d + "/cert",
                  "-key", d + "/key", "-quiet"]
        client = ["openssl", "s_client", "-connect", f"{url_host(STACK[fam])}:4433", "-CAfile",
                  d + "/cert", "-verify_return_error", "-verify_quiet", "-quiet"]
        # down: the server answers a request with the file
        p = rig.lab.start(rig.H, *server, "-WWW", cwd=rig.data)
        rig.lab.wait_port(rig.H, 4433)
        r = rig.run(rig.I, "sh", "-c", f"printf 'GET /{name} HTTP/1.0\\r\\n\\r\\n' | " +
                    " ".join(client) + f" -ign_eof 2>/dev/null | tail -c {os.path.getsize(f)} | "
                    "sha256sum")
        equal(r.stdout.split()[0], want, f"checksum of the file down over IPv{fam}")
        rig.lab.stop(p)
        # up: the server prints what the client says
        out = d + "/up"
        with open(out, "wb") as dst:
            p = rig.lab.start(rig.H, *server, "-naccept", "1", stdout=dst,
                              stdin=subprocess.PIPE)
        rig.lab.wait_port(rig.H, 4433)
        with open(f, "rb") as src:
            rig.inside(*client, "-no_ign_eof", "-nocommands", stdin=src, stderr=subprocess.DEVNULL)
        until(lambda p=p: p.poll() is not None, 20, "s_server to end")
        with open(out, "rb") as got:
            # (what s_server says about the end follows the data)
            equal(hashlib.sha256(got.read(os.path.getsize(f))).hexdigest(), want,
                  f"checksum of the file up over IPv{fam}")


# ---- DNS ----

@case(*SOME)
def test_dns(rig):
    def make():
        txt = ["--txt-record=large.gust.test," + ",".join("%03d" % k + "x" * 240
                                                         for k in range(12))]
        p = rig.lab.start(rig.H, "dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts",
                          "--port", "5353", "--edns-packet-max=4096", "--user=root",
                          "--pid-file=", "--address=/a.gust.test/192.0.2.55",
                          "--address=/a.gust.test/2001:db8::55", *txt, log="dnsmasq.log")
        rig.lab.wait_port(rig.H, 5353)
        return p, 5353
    port = rig.server("dnsmasq", make)
    for fam in (4, 6):
        def dig(*args, fam=fam):
            return rig.inside("dig", f"@{STACK[fam]}", "-p", port, "+short", "+tries=1",
                              "+time=3", "+noall", "+answer", *args).stdout.strip()
        for proto in ("+notcp", "+tcp"):
            equal(dig(proto, "a.gust.test", "A"), "192.0.2.55", f"A {proto} over IPv{fam}")
            equal(dig(proto, "a.gust.test", "AAAA"), "2001:db8::55", f"AAAA {proto}")
        for args in (["+tcp"], ["+notcp", "+bufsize=4096", "+ignore"], ["+bufsize=512"]):
            got = dig(*args, "large.gust.test", "TXT")
            equal((got.count('"') // 2, len(got)), (12, 12 * 246 - 1),
                  f"large TXT record {args} over IPv{fam}")
    if rig.gust:
        kinds = {f["proto"] for f in rig.gust.ctl("flows")["flows"]}
        check("udp" in kinds, "the mapping of the queries")


# ---- programs at the same time ----

@case("tun2", quick=False, timeout=90)
def test_programs_together(rig):
    """A large download, ssh, pings and small requests at a time."""
    f = rig.file(256 << 20)
    port, name = nginx(rig), os.path.basename(f)
    done, bad = threading.Event(), []

    def small():
        while not done.is_set():
            r = rig.inside("curl", "-sS", "-f", "-m", "10", f"http://{STACK[4]}:{port}/small.txt",
                           check=False)
            if r.stdout != "a small file\n":
                bad.append(r.stdout)
    with open(os.path.join(rig.data, "small.txt"), "w") as s:
        s.write("a small file\n")
    t = threading.Thread(target=small)
    t.start()
    try:
        jobs = [rig.lab.start(rig.I, "sh", "-c",
                              f"curl -sS -f -g http://{url_host(STACK[fam])}:{port}/{name} | "
                              f"cmp - {f}")
                for fam in (4, 6) for _ in range(2)]
        r = rig.inside("ping", "-n", "-q", "-c", "50", "-i", "0.01", STACK[4], check=False)
        check(" 50 received" in r.stdout, r.stdout)
        for p in jobs:
            equal(p.wait(60), 0, "download and compare")
    finally:
        done.set()
        t.join()
    check(not bad, f"small requests that failed: {bad[:2]}")
