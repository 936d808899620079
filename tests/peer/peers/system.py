# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the whole system share: a network namespace, a bridge with
a configuration of its own, the load generator, and a count of checks."""
import json
import os
import subprocess
import sys
import tempfile
import time

from .bridge import Bridge

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def build():
    return os.path.abspath(os.environ.get("BALAI_BUILD", TOP + "/build"))


def isolate():
    """Runs this program again in a namespace that holds nothing but loopback. A
    machine that allows none skips the test."""
    if os.environ.get("BALAI_NAMESPACE") == str(os.getpid()):
        return
    # exec keeps the pid, so that a child does not take itself for isolated.
    script = ('ip link set lo up && ip addr add 10.9.9.1/32 dev lo && '
              'BALAI_NAMESPACE=$$ exec "$@"')
    user = [] if os.geteuid() == 0 else ["-r"]
    if subprocess.run(["unshare", "-n", *user, "true"], stderr=subprocess.DEVNULL).returncode:
        print("no network namespace can be made here\n0 passed, 0 failed, 1 skipped")
        sys.exit(77)
    os.execvp("unshare", ["unshare", "-n", *user, "bash", "-c", script, "bash", sys.executable,
                          *sys.argv])


CONFIG = """<balai xmlns="urn:balai:config:1">
  <network>
    <listen transport="udp" address="127.0.0.1" port="5060"/>
    <listen transport="tcp" address="127.0.0.1" port="5060"/>
    <listen transport="tls" address="127.0.0.1" port="5061"/>
    <media ports="20000-29999"/>
  </network>
  <profiles>
    <profile name="default" encryption="preferred" silence="{silence}">
      <video codecs="{codecs}" width="{width}" height="{height}" bandwidth="{bandwidth}"/>
    </profile>
  </profiles>
  <conferences>
    <conference number="any" template="yes" labels="{labels}" slides="{slides}" self="{own}"/>
  </conferences>
  <dial-plan>
    <rule dialled="[1-9][0-9]{{3}}"><conference number="$0" create="yes" like="any"/></rule>
  </dial-plan>
</balai>
"""


def bridge(folder, binaries=None, log="warning", *, silence=30, width=1280, height=720,
           bandwidth=2000, codecs="H264 VP8", labels="yes", slides="refuse",
           own="no"):
    """A bridge at 127.0.0.1, SIP 5060 and 5061, media from 20000 on. `own`: who sees their
    own picture."""
    os.makedirs(folder, exist_ok=True)
    config = folder + "/balai.xml"
    with open(config, "w") as f:
        f.write(CONFIG.format(silence=silence, width=width, height=height, bandwidth=bandwidth,
                              codecs=codecs, labels=labels, slides=slides,
                              own=own))
    return Bridge(binaries or build(), folder, config, log)


class Load:
    """The load generator with a bridge of this machine."""

    def __init__(self, folder, *args, name="load", binaries=None):
        self.path = f"{folder}/{name}.out"
        self.process = subprocess.Popen(
            [(binaries or build()) + "/tests/load/balai-load", "--target", "127.0.0.1:5060",
             *map(str, args)], stdin=subprocess.DEVNULL, stdout=open(self.path, "w"),
            stderr=open(f"{folder}/{name}.err", "w"))

    def text(self):
        with open(self.path) as f:
            return f.read()

    def wait_for(self, word, seconds=60):
        """Until it says that it measures (measuring) or has measured (measured)."""
        end = time.monotonic() + seconds
        while word not in self.text().split("\n"):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("balai-load says nothing: " + self.text())
            time.sleep(.05)

    def result(self, seconds=300):
        self.process.wait(seconds)
        return json.loads(self.text().strip().split("\n")[-1])

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def wait_until(condition, seconds=10, step=.05):
    """True as soon as the condition holds; its last value when it never does. For
    what happens in its own time, with a limit that only a defect reaches."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)


def leftovers(b):
    """What a bridge without calls still holds, as text; '' is right."""
    stats = b.balai("stats")
    left = [f"{room} {key} {stats[room][key]}" for room, keys in (
        ("wire", ("transports", "streams")), ("audio", ("mixers", "legs")),
        ("video", ("sources", "views", "encoders", "sinks"))) for key in keys if stats[room][key]]
    left += [f"{key} {stats[key]}" for key in ("calls", "conferences") if stats[key]]
    left += [f"{what}: {rows}" for what in ("participants", "conferences", "calls")
             for rows in [b.balai(what)] if rows]
    return ", ".join(left)


def drops(stats):
    return {k[5:]: v for k, v in stats["wire"].items() if k.startswith("drop_")}


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, holds, what):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        print("ok  " if holds else "FAIL", what, flush=True)
        return bool(holds)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(0 if self.passed and not self.failed else 1)


def folder(name):
    return tempfile.mkdtemp(prefix=f"balai-{name}-")
