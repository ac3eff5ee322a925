#!/usr/bin/env python3
"""A run over several hosts with slow lines between them, all of them on this machine.

    cargo test --release --features mpi --test processes --no-run
    sudo python tests/processes/hosts.py target/release/deps/processes-… --hosts 4 --delay 1

Each host is a network namespace with one interface; a switch in this program hands frames on after the
delay. (A kernel with `netem` could delay on `veth` itself; few containers have it.) Checked are a run
whose weights are, bit for bit, those of one process with as many micro-batches, and one whose last
host is cut off in the middle: the others end with an error that names its rank. Needs root, `ip` and
OpenMPI, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import fcntl
import heapq
import os
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TUNSETIFF = 0x400454CA
TAP_WITHOUT_HEADER = 0x0002 | 0x1000
SUBNET = "10.78.0"
SILENCE = 5
STEPS = 50
CUT_AT = 20
LONGEST = 180
DIGEST = re.compile(r"digest (\w+)")


def ip(*words: str) -> None:
    """Runs `ip`."""
    subprocess.run(["ip", *words], check=True)


class Switch(threading.Thread):
    """Hands frames between hosts on, each after the delay; one port may be cut."""

    def __init__(self, hosts: int, delay: float) -> None:
        super().__init__(daemon=True)
        self.delay = delay
        self.cut: int | None = None
        self.over = False
        self.frames = 0
        self.ports = []
        for host in range(hosts):
            port = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            name = f"bg-tap{host}"
            fcntl.ioctl(port, TUNSETIFF, struct.pack("16sH", name.encode(), TAP_WITHOUT_HEADER))
            self.ports.append(port)
            ip("netns", "add", f"bg-{host}")
            ip("link", "set", name, "netns", f"bg-{host}")
            within = ["-n", f"bg-{host}"]
            ip(*within, "addr", "add", f"{SUBNET}.{host + 1}/24", "dev", name)
            ip(*within, "link", "set", "lo", "up")
            ip(*within, "link", "set", name, "mtu", "9000", "up")

    def run(self) -> None:
        poll = select.poll()
        for port in self.ports:
            poll.register(port, select.POLLIN)
        known: dict[bytes, int] = {}
        waiting: list[tuple[float, int, int, bytes]] = []
        while not self.over:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, to, frame = heapq.heappop(waiting)
                try:
                    os.write(self.ports[to], frame)
                except OSError:
                    # A full queue drops a frame, as a switch does.
                    pass
            pause = 50.0 if not waiting else max(0.0, waiting[0][0] - now) * 1e3
            for descriptor, _ in poll.poll(pause):
                self.take(self.ports.index(descriptor), known, waiting)

    def take(self, port: int, known: dict, waiting: list) -> None:
        """Reads what a host has sent."""
        for _ in range(64):
            try:
                frame = os.read(self.ports[port], 65536)
            except BlockingIOError:
                return
            target, source = frame[:6], frame[6:12]
            known[source] = port
            everybody = [other for other in range(len(self.ports)) if other != port]
            for to in [known[target]] if target in known else everybody:
                if self.cut not in (port, to):
                    self.frames += 1
                    due = time.monotonic() + self.delay
                    heapq.heappush(waiting, (due, self.frames, to, frame))

    def close(self) -> None:
        """Ends it, and the hosts."""
        self.over = True
        self.join()
        for host, port in enumerate(self.ports):
            os.close(port)
            ip("netns", "del", f"bg-{host}")


def variables(folder: str, parts: int) -> dict[str, str]:
    """What tells the test binary to make a run."""
    return {
        "BURN_GAN_CASE": "recommended",
        "BURN_GAN_STEPS": str(STEPS),
        "BURN_GAN_FOLDER": folder,
        "BURN_GAN_PARTS": str(parts),
        "BURN_GAN_SILENCE": str(SILENCE),
        "RAYON_NUM_THREADS": "1",
    }


def over_hosts(binary: str, hosts: int, folder: str, switch: Switch, cut: bool) -> tuple[str, float]:
    """What a run with a process on each host says, and the seconds from the cut, or start, on."""
    agent = Path(folder) / "agent"
    # OpenMPI calls it as ssh: options, the host, the command.
    agent.write_text(
        "#!/bin/sh\n"
        'while [ "${1#-}" != "$1" ]; do shift; done\n'
        "host=$1; shift\n"
        'exec ip netns exec bg-$((${host##*.} - 1)) sh -c "$*"\n'
    )
    agent.chmod(0o755)
    values = variables(folder, 1)
    command = ["ip", "netns", "exec", "bg-0", "mpirun", "--allow-run-as-root", "-n", str(hosts)]
    command += ["--host", ",".join(f"{SUBNET}.{host + 1}:1" for host in range(hosts))]
    command += ["--bind-to", "none", "--mca", "plm_rsh_agent", str(agent)]
    command += ["--mca", "btl", "tcp,self"]
    for layer in ("btl_tcp_if_include", "oob_tcp_if_include"):
        command += ["--mca", layer, f"{SUBNET}.0/24"]
    for name in values:
        command += ["-x", name]
    command += [binary, "--exact", "child", "--nocapture"]
    run = subprocess.Popen(
        command,
        env=os.environ | values,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    begun = time.monotonic()
    watchdog = threading.Timer(LONGEST, lambda: os.killpg(run.pid, signal.SIGKILL))
    watchdog.start()
    words = ""
    for line in run.stdout:
        words += line
        if cut and switch.cut is None and f"step {CUT_AT} " in line:
            switch.cut = hosts - 1
            begun = time.monotonic()
        if cut and "error" in line and "has not answered" in line:
            # OpenMPI's own starter waits for its daemon behind the cut.
            break
    taken = time.monotonic() - begun
    watchdog.cancel()
    if cut:
        for host in range(hosts):
            within = ["ip", "netns", "pids", f"bg-{host}"]
            for process in subprocess.run(within, capture_output=True, text=True).stdout.split():
                os.kill(int(process), signal.SIGKILL)
    run.wait()
    return words, taken


def main() -> int:
    """Makes both runs; 1 if one of them is not what it should be."""
    parser = argparse.ArgumentParser(description="A run over hosts that are network namespaces.")
    parser.add_argument("binary", help="the test binary `processes`")
    parser.add_argument("--hosts", type=int, default=2, help="how many (default 2)")
    parser.add_argument("--delay", type=float, default=1.0, help="ms on the way (default 1)")
    args = parser.parse_args()
    binary = str(Path(args.binary).resolve())
    with tempfile.TemporaryDirectory() as alone:
        child = [binary, "--exact", "child", "--nocapture"]
        env = os.environ | variables(alone, args.hosts)
        said = subprocess.run(child, env=env, capture_output=True, text=True, check=True).stdout
    expected = DIGEST.findall(said)
    switch = Switch(args.hosts, args.delay / 1e3)
    switch.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            words, taken = over_hosts(binary, args.hosts, folder, switch, cut=False)
        found = DIGEST.findall(words)
        same = len(expected) == 1 and found == expected * args.hosts
        print(f"{args.hosts} hosts, {args.delay:g} ms: {STEPS} steps, {switch.frames} frames, {taken:.1f} s;")
        print("the bits of one process" if same else f"NOT those of one process: {words}")
        with tempfile.TemporaryDirectory() as folder:
            words, taken = over_hosts(binary, args.hosts, folder, switch, cut=True)
        named = f"rank {args.hosts - 1} has not answered for {SILENCE} s" in words
        print(f"cut off after step {CUT_AT}: ended after {taken:.1f} s,")
        print("the rank is named" if named else f"the rank is NOT named: {words}")
    finally:
        switch.close()
    return int(not (same and named))


if __name__ == "__main__":
    sys.exit(main())
