#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records scenarios/traces/web.log.gz: Debian's nginx serving a made-up tree to made-up visitors.

It writes a directory tree to a temporary place, starts a private nginx on 127.0.0.1, sends it a
bounded load from many addresses of 127.0.0.0/8, stops it and compresses its access log. The tree
and the visitors follow from --seed; the stamps are those of the machine and the day.

    record_web_log.py [--output web.log.gz] [--requests 24000] [--seconds 180] [--seed 1]
"""

import argparse
import asyncio
import bisect
import gzip
import itertools
import os
import random
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

KIB = 1024
MIB = 1024 * KIB
LARGEST_FILE = 8 * MIB
SITE = "http://www.example.org"

NGINX_CONF = """\
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 1024; }}
http {{
  types {{ text/html html; text/css css; text/javascript js; image/jpeg jpg; image/png png; }}
  default_type application/octet-stream;
  log_format sim '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                 '"$http_referer" "$http_user_agent" $msec $request_time';
  access_log {root}/access.log sim;
  client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
  sendfile on; tcp_nopush on; keepalive_timeout 75; keepalive_requests 100000;
  server {{ listen 127.0.0.1:{port}; root {root}/site; index index.html; }}
}}
"""

AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.5 Safari",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example.org/)",
]


@dataclass
class Kind:
    """One sort of file: how many, where, and a lognormal body size within bounds."""

    suffix: str
    count: int
    median: int
    spread: float
    low: int
    high: int


KINDS = {
    "page": Kind("html", 1200, 9 * KIB, 0.7, 600, 120 * KIB),
    "style": Kind("css", 60, 14 * KIB, 0.8, 300, 200 * KIB),
    "script": Kind("js", 140, 22 * KIB, 1.0, 200, 600 * KIB),
    "image": Kind("jpg", 1300, 26 * KIB, 1.0, 800, 1536 * KIB),
    "icon": Kind("png", 200, 2 * KIB, 0.8, 120, 24 * KIB),
    "download": Kind("bin", 100, 420 * KIB, 1.2, 20 * KIB, LARGEST_FILE),
}
WORDS = "amber basil cedar delta ember fjord grove harbor iris juniper kelp lumen maple".split()


class Zipf:
    """Draws items with popularity 1/rank^s, in a shuffled order of ranks."""

    def __init__(self, items, s, rng):
        self.items = list(items)
        rng.shuffle(self.items)
        weights = (1.0 / (rank + 1) ** s for rank in range(len(self.items)))
        self.cumulative = list(itertools.accumulate(weights))

    def draw(self, rng):
        at = bisect.bisect_left(self.cumulative, rng.random() * self.cumulative[-1])
        return self.items[min(at, len(self.items) - 1)]


@dataclass
class Visitor:
    """One client address with its habits and what its cache holds."""

    address: str
    agent: str
    rng: random.Random
    seen: dict = field(default_factory=dict)
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None


@dataclass
class Budget:
    """The requests that are still to be sent."""

    left: int

    def take(self):
        self.left -= 1
        return self.left >= 0


def file_size(kind, rng):
    while True:
        size = int(kind.median * rng.lognormvariate(0.0, kind.spread))
        if kind.low <= size <= kind.high:
            return size


def write_tree(site, rng):
    """Returns {kind: [path]}; contents are incompressible bytes, for nobody reads them."""
    block = rng.randbytes(LARGEST_FILE)
    paths = {name: [] for name in KINDS}
    for name, kind in KINDS.items():
        for number in range(kind.count):
            folder = f"{name}s/{rng.choice(WORDS)}/{rng.choice(WORDS)}"
            if name == "page":
                folder = f"{2019 + number % 6}/{1 + number % 12:02d}/{rng.choice(WORDS)}"
            path = f"/{folder}/{rng.choice(WORDS)}-{number:04d}.{kind.suffix}"
            target = site / path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(block[: file_size(kind, rng)])
            paths[name].append(path)
    (site / "index.html").write_bytes(block[: 11 * KIB])
    return paths


def start_nginx(root, port):
    (root / "nginx.conf").write_text(NGINX_CONF.format(root=root, port=port))
    command = ["nginx", "-p", str(root), "-c", str(root / "nginx.conf"), "-g", "daemon off;"]
    return subprocess.Popen(command, env={**os.environ, "TZ": "UTC"})


async def connect(visitor, port):
    if visitor.writer is None or visitor.writer.is_closing():
        visitor.reader, visitor.writer = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=(visitor.address, 0)
        )


async def request(visitor, port, method, path, referer, headers=()):
    """Sends one request on the visitor's connection and reads the whole answer."""
    await connect(visitor, port)
    lines = [f"{method} {path} HTTP/1.1", "Host: www.example.org", f"User-Agent: {visitor.agent}"]
    if referer:
        lines.append(f"Referer: {SITE}{referer}")
    if method == "POST":
        lines.append("Content-Length: 0")
    lines += headers
    visitor.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = (await visitor.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split()[1])
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    length = int(fields.get("content-length", "0"))
    if method != "HEAD" and status != 304:
        await visitor.reader.readexactly(length)
    if fields.get("connection") == "close":
        visitor.writer.close()
    return status, length, fields.get("last-modified")


async def fetch(visitor, port, path, referer):
    """A browser's GET: conditional when the cache already holds the path."""
    rng = visitor.rng
    stamp = visitor.seen.get(path)
    headers = []
    if stamp and rng.random() < 0.5:
        headers = [f"If-Modified-Since: {stamp}"]
    status, length, modified = await request(visitor, port, "GET", path, referer, headers)
    if status == 200:
        visitor.seen[path] = modified.replace("gmt", "GMT").title().replace("Gmt", "GMT")
    return length


async def oddity(visitor, port, tree):
    """What else a server sees: probes, ranges, posts, moved folders, dead links."""
    rng = visitor.rng
    page = tree["page"].draw(rng)
    kind = rng.choices(["head", "range", "dead", "post", "folder", "listing"],
                       [30, 34, 22, 5, 5, 4])[0]
    if kind == "head":
        await request(visitor, port, "HEAD", page, None)
    elif kind == "range":
        start = rng.randrange(0, 16 * KIB)
        span = f"Range: bytes={start}-{start + rng.randrange(1, 256 * KIB)}"
        await request(visitor, port, "GET", tree["download"].draw(rng), None, [span])
    elif kind == "dead":
        await request(visitor, port, "GET", page.replace(".html", "-old.html"), "/")
    elif kind == "post":
        await request(visitor, port, "POST", page, page)
    else:
        folder = page.rsplit("/", 1)[0]
        await request(visitor, port, "GET", folder + ("/" if kind == "listing" else ""), "/")


async def visit(visitor, port, tree, budget):
    """One page with what it embeds, now and then a download or an oddity."""
    rng = visitor.rng
    page = "/" if rng.random() < 0.12 else tree["page"].draw(rng)
    if rng.random() < 0.2:
        page += f"?from={rng.choice(WORDS)}"
    wanted = [(page, "/" if rng.random() < 0.5 else None)]
    for name, most in (("style", 2), ("script", 2), ("icon", 3), ("image", 5)):
        wanted += [(tree[name].draw(rng), page) for _ in range(rng.randrange(most + 1))]
    if rng.random() < 0.06:
        wanted.append((tree["download"].draw(rng), page))
    for path, referer in wanted:
        if not budget.take():
            return
        if rng.random() < 0.07:
            await oddity(visitor, port, tree)
        else:
            await fetch(visitor, port, path, referer)
        await asyncio.sleep(rng.expovariate(1 / 0.02))


async def drive(visitors, port, tree, requests, seconds):
    """Every visitor visits and thinks until the requests are spent or the time is over."""
    budget = Budget(requests)
    pause = seconds * len(visitors) / (requests / 7.5)
    deadline = time.monotonic() + 2 * seconds

    async def live(visitor):
        await asyncio.sleep(visitor.rng.random() * pause)
        while budget.left > 0 and time.monotonic() < deadline:
            await visit(visitor, port, tree, budget)
            await asyncio.sleep(min(visitor.rng.expovariate(1 / pause), 5 * pause))
        if visitor.writer is not None:
            visitor.writer.close()

    await asyncio.gather(*(live(visitor) for visitor in visitors))


def make_visitors(count, rng):
    addresses = sorted({f"127.0.{rng.randrange(1, 40)}.{rng.randrange(1, 255)}"
                        for _ in range(2 * count)})
    return [Visitor(address, rng.choices(AGENTS, [30, 40, 15, 25, 6])[0],
                    random.Random(rng.random()))
            for address in rng.sample(addresses, count)]


def record(arguments, root):
    rng = random.Random(arguments.seed)
    site = root / "site"
    site.mkdir()
    tree = {name: Zipf(paths, 0.75 if name == "page" else 0.65, rng)
            for name, paths in write_tree(site, rng).items()}
    for folder in [root, *(p for p in root.rglob("*") if p.is_dir())]:
        folder.chmod(0o755)
    visitors = make_visitors(arguments.clients, rng)
    nginx = start_nginx(root, arguments.port)
    try:
        time.sleep(1.0)
        asyncio.run(drive(visitors, arguments.port, tree, arguments.requests, arguments.seconds))
    finally:
        nginx.terminate()
        nginx.wait(timeout=20)
    text = (root / "access.log").read_bytes()
    with open(arguments.output, "wb") as raw:
        with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=9, filename="", mtime=0) as out:
            out.write(text)
    lines = text.count(b"\n")
    print(f"{lines} lines, {os.path.getsize(arguments.output)} bytes")


def main():
    parser = argparse.ArgumentParser(description="Record a web server's access log.")
    parser.add_argument("--output", default=str(Path(__file__).parent / "web.log.gz"))
    parser.add_argument("--requests", type=int, default=24000)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--clients", type=int, default=150)
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="record_web_log_"))
    try:
        record(arguments, root)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
