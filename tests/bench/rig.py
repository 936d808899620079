# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bench is run on: balaid, the load generator, the floor, and /proc."""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))
from peers.bridge import Bridge  # noqa: E402

SIZES = {"720p": (1280, 720), "360p": (640, 360)}
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20

CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<balai xmlns="urn:balai:config:1">
  <network>
    <listen transport="udp" address="127.0.0.1" port="0"/>
    <media ports="20000-29999"/>
    <limits io-threads="{io_threads}"/>
  </network>
  <profiles>
    <profile name="default" encryption="{encryption}">
      <video width="1280" height="720" fps="30" bandwidth="2000"/>
    </profile>
  </profiles>
  <conferences>
    <conference number="shared" template="yes" self="yes"/>
    <conference number="personal" template="yes" self="no"/>
{conferences}  </conferences>
  <dial-plan>
    <rule dialled="1[0-9]{{3}}"><conference number="$0" create="yes" like="shared"/></rule>
    <rule dialled="2[0-9]{{3}}"><conference number="$0" create="yes" like="personal"/></rule>
  </dial-plan>
</balai>
"""
NUMBERS = {"shared": "1000", "personal": "2000"}


def cpu_model():
    with open("/proc/cpuinfo") as f:
        found = re.search(r"model name\s*:\s*(.*)", f.read())
    return f"{found.group(1) if found else 'unknown'}, {os.cpu_count()} CPUs"


def cpu_seconds(pid):
    """User and system time of a process, all its threads."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mib(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * PAGE_MIB


def busy_elsewhere(own):
    """Cores that others used, from /proc/stat: two readings make a difference."""
    with open("/proc/stat") as f:
        fields = [int(x) for x in f.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS - own


def wakeups(pid):
    """How often its threads went on after they had waited, since they began."""
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status") as f:
            total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", f.read(), re.M).group(1))
    return total


def threads(pid):
    """CPU seconds by the name of the thread."""
    used = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/stat") as f:
                head, _, tail = f.read().rpartition(")")
        except OSError:
            continue
        name, fields = head.partition("(")[2], tail.split()
        used[name] = used.get(name, 0) + (int(fields[11]) + int(fields[12])) / TICKS
    return used


def on_time(pid):
    """The generator is to see a packet when it comes, not when the machine has time
    for it: else its waiting counts as the bridge's. Where that is allowed."""
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("the generator has no real-time priority: gaps and latency include its waiting")


def difference(after, before):
    """Of the bridge's counters between two readings."""
    if isinstance(after, dict):
        return {k: difference(v, before[k]) for k, v in after.items() if k in before}
    return after if isinstance(after, (bool, str)) else after - before


class Rig:
    """Runs cases, each against a bridge of its own."""

    def __init__(self, build, media, encryption="none", io_threads=1):
        self.build, self.encryption, self.io_threads = build, encryption, io_threads
        self.clips = {"720p": media + "/camera-720p30.h264", "360p": media + "/camera-360p30.h264"}
        self.synthetic = not all(os.path.exists(c) for c in self.clips.values())

    def clip_args(self, size, codec):
        args = ["--video", codec, "--size", "%dx%d" % SIZES[size],
                "--bitrate", "1500" if size == "720p" else "600"]
        return args if self.synthetic else args + ["--clip", self.clips[size]]

    def bridge(self, folder, conferences=()):
        path = folder + "/balai.xml"
        with open(path, "w") as f:
            f.write(CONFIG.format(
                io_threads=self.io_threads,
                encryption="required" if self.encryption == "sdes" else "off",
                conferences="".join(f'    <conference number="{n}"/>\n' for n in conferences)))
        return Bridge(self.build, folder, path, log="warning")

    def floor(self, *args):
        done = subprocess.run([self.build + "/tests/bench/bench_floor", *map(str, args)],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def start_load(self, bridge, number, participants, *args):
        target = bridge.uri(number).split("@")[1]
        command = [self.build + "/tests/load/balai-load", "--target", target, "--number", number,
                   "--participants", str(participants), *map(str, args)]
        if self.encryption == "sdes":
            command.append("--sdes")
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def measure(self, bridge, load):
        """Follows a generator to its end. What it says, and what both used between
        its lines `measuring` and `measured`."""
        pids = bridge.process.pid, load.pid
        result = {}
        for line in load.stdout:
            if line.startswith("calling"):
                on_time(load.pid)
            elif line.startswith("measuring"):
                before, begun = [cpu_seconds(p) for p in pids], time.monotonic()
                others, by_thread = busy_elsewhere(sum(before)), threads(pids[0])
                result["stats_during"] = counted = bridge.balai("stats")
                steps = bridge.log().count("video=overload level")
            elif line.startswith("measured"):
                seconds = time.monotonic() - begun
                used = [cpu_seconds(p) for p in pids]
                result["cpu"], result["generator_cpu"] = \
                    ((a - b) / seconds for a, b in zip(used, before))
                result["others_cpu"] = (busy_elsewhere(sum(used)) - others) / seconds
                result["rss_mib"] = rss_mib(pids[0])
                result["threads"] = {name: round((t - by_thread.get(name, 0)) / seconds, 4)
                                     for name, t in threads(pids[0]).items()}
                result["stats"] = difference(bridge.balai("stats"), counted)
            elif line.startswith("{"):
                result["load"] = json.loads(line)
        if load.wait() or "load" not in result or "cpu" not in result:
            raise RuntimeError("the load generator failed\n" + bridge.log()[-2000:])
        # while it was measured; one taken before and still there counts too
        result["steps"] = bridge.log().count("video=overload level") - steps + \
            result["stats_during"]["video"]["overload"]
        return result

    def idle(self, conferences, seconds):
        """A bridge with so many conferences in its configuration and nobody in them."""
        with tempfile.TemporaryDirectory(prefix="balai-bench-") as folder:
            bridge = self.bridge(folder, range(3000, 3000 + conferences))
            try:
                pid = bridge.process.pid
                time.sleep(1)
                cpu, woken, by_thread = cpu_seconds(pid), wakeups(pid), threads(pid)
                others, begun = busy_elsewhere(cpu), time.monotonic()
                time.sleep(seconds)
                used, passed = cpu_seconds(pid), time.monotonic() - begun
                return {"cpu": (used - cpu) / passed, "generator_cpu": 0.0,
                        "others_cpu": (busy_elsewhere(used) - others) / passed,
                        "wakeups_per_s": (wakeups(pid) - woken) / passed,
                        "rss_mib": rss_mib(pid),
                        "threads": {name: round((t - by_thread.get(name, 0)) / passed, 4)
                                    for name, t in threads(pid).items()}}
            finally:
                bridge.stop()

    def run(self, number, participants, *args):
        """One case against a fresh bridge."""
        with tempfile.TemporaryDirectory(prefix="balai-bench-") as folder:
            bridge = self.bridge(folder)
            try:
                return self.measure(bridge, self.start_load(bridge, number, participants, *args))
            finally:
                bridge.stop()


def limit_of(row):
    """What stands in the way of more, in words."""
    cores = os.cpu_count()
    name, most = max(row["threads"].items(), key=lambda t: t[1])
    used = row["cpu"] + row["generator_cpu"] + max(row["others_cpu"], 0)
    if used > .95 * cores:
        return f"the machine: {used:.2f} of {cores} cores used, {row['generator_cpu']:.2f} by " \
            "the generator"
    if most > .9:
        return f"thread {name}: {most:.2f} of a core"
    late = sum(n for bucket, n in row["stats"]["audio"]["late"].items()
               if bucket not in ("<1ms", "<2ms", "<5ms"))
    drops = {k: v for k, v in row["stats"]["wire"].items() if k.startswith("drop_") and v > 0}
    if late or drops:
        return f"ticks late by 5 ms or more: {late}; drops: {drops}"
    return f"nothing yet; thread {name} works most, {most:.2f} of a core"


# ---- from what the legs saw to a row ------------------------------------------------------

def worst(values, default=None):
    values = list(values)
    return min(values) if values else default


def video_row(result):
    legs = result["load"]["legs"]
    tiles = [t for leg in legs for t in leg.get("tiles", ())]
    known = [t for t in tiles if t["source"] >= 0]
    return {
        "fps_worst": worst([t["fresh_fps"] for t in tiles] + [leg["fps"] for leg in legs], 0),
        "leg_fps_worst": worst([leg["fps"] for leg in legs], 0),
        "tile_fps_worst": worst([t["fresh_fps"] for t in tiles]),
        "video_gap_ms_max": max(leg["video_gap_ms"] for leg in legs),
        "latency_ms_p50": statistics.median(t["latency_ms_p50"] for t in known) if known else None,
        "latency_ms_p99": max(t["latency_ms_p99"] for t in known) if known else None,
        "undecodable": sum(leg.get("undecodable", 0) for leg in legs),
        "encoders_fast": result["stats_during"]["video"]["encoders_fast"],
        "key_requests": sum(leg["key_requests"] for leg in legs),
    }


def common_row(result):
    load = result["load"]
    return {
        "cpu": result["cpu"], "generator_cpu": result["generator_cpu"],
        "others_cpu": result["others_cpu"], "rss_mib": result["rss_mib"],
        "audio_gap_ms_max": max(leg["audio_gap_ms"] for leg in load["legs"]),
        "audio_fps_worst": min(leg["audio_packets_per_s"] for leg in load["legs"]),
        "up": load["up"], "failed": load["failed"], "steps": result["steps"],
        "threads": result["threads"],
    }
