#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs each bench on a tiny case and checks that every field is there. Nothing
is timed: how good the numbers are is not this test's business."""
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from report import FIELDS, line_through  # noqa: E402

SHORT = ["--seconds", "2", "--warmup", "1"]
VIDEO = [*SHORT, "--floor-frames", "3"]
# arguments, rows, what may be null in them, fields beside the usual
CASES = {
    "video": (["video", "--participants", "2", "--size", "360p", *VIDEO], 1, (), ("ratio",)),
    "video-personal-vp8": (["video", "--participants", "2", "--personal", "--codec", "vp8",
                            "--size", "360p", *VIDEO], 1, (), ("ratio",)),
    "video-sdes-two-io-threads":
        (["video", "--participants", "3", "--size", "360p", "--encryption", "sdes",
          "--io-threads", "2", *VIDEO], 1, (), ("ratio",)),
    "floor": (["floor", "--participants", "2", "--size", "360p", *VIDEO], 1, (),
              ("ratio", "items_ms", "codecs_rss_mib")),
    "audio": (["audio", "--participants", "3", "--speaking", "1", "--dtx", "--codec", "opus",
               *SHORT], 1, ("fps_worst",), ("marks", "limit")),
    "idle": (["idle", "--conferences", "3", "--seconds", "2"], 1,
             ("floor", "fps_worst", "audio_gap_ms_max", "latency_ms_p50", "latency_ms_p99"),
             ("wakeups_per_s",)),
    "join": (["join", "--participants", "2", "--joins", "2", "--size", "360p", *SHORT], 2,
             ("floor", "latency_ms_p50", "latency_ms_p99"), ("ok_ms_p95", "picture_ms_p95")),
    "all": (["all", "--rows", "twelve,sound,idle", "--encryptions", "none", "--scale", "0.002",
             "--verbose", *VIDEO], 3, ("floor", "fps_worst", "audio_gap_ms_max",
                                          "latency_ms_p50", "latency_ms_p99"), ()),
    "growth": (["growth", "--least", "1", "--most", "2", "--points", "2", "--runs", "1",
                "--size", "360p", *VIDEO], 2, (), ()),
    "capacity": (["capacity", "--modes", "shared-360p,audio-PCMU", "--least", "2", "--most", "2",
                  *VIDEO], 2, ("fps_worst", "latency_ms_p50", "latency_ms_p99"), ("fails",)),
}


def problems_of(arguments, rows, may_be_null, more, folder):
    path = folder + "/rows.json"
    done = subprocess.run([TOP + "/scripts/bench", *arguments, "--json", path], text=True,
                          capture_output=True, timeout=240,
                          env=os.environ | {"BALAI_BUILD": os.environ.get("BALAI_BUILD", "build")})
    if done.returncode:
        return [f"status {done.returncode}", done.stdout + done.stderr]
    found = []
    with open(path) as f:
        got = [json.loads(line) for line in f]
    os.remove(path)
    if len(got) != rows:
        found.append(f"{len(got)} rows, not {rows}")
    for row in got:
        for name in (*FIELDS, *more):
            if name not in row:
                found.append(f"no {name}")
            elif row[name] is None and name not in may_be_null and name != "fails":
                found.append(f"{name} is null")
        if row.get("up", 0) < row["participants"] or row.get("joins", 2) != 2:
            found.append(f"{row.get('up')} of {row['participants']} calls")
    for name in FIELDS:
        if name not in done.stdout:
            found.append(f"the table has no {name}")
    return found


def main():
    failed = 0
    slope, base, fit = line_through([(1, 3.0), (2, 5.0), (3, 7.0)])
    if (slope, base, fit) != (2.0, 1.0, 1.0):
        print("line_through", slope, base, fit)
        failed += 1
    with tempfile.TemporaryDirectory() as folder:
        for name, case in CASES.items():
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            problems = problems_of(*case, folder)
            print("FAIL" if problems else "ok", name, *problems, flush=True)
            failed += bool(problems)
    print(f"{len(CASES) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
