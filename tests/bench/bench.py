#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Benches of the bridge; scripts/bench starts this in a network namespace.

Every row is one run of a real balaid under the load generator tests/load/, whose
clips are made before it starts. CPU is in cores, read from /proc between the
generator's marks; `others_cpu` is what the rest of the machine used meanwhile.
"""
import argparse
import statistics
import subprocess
import sys
import time

import rig as rigs
import table
from report import Report, line_through

REFERENCE = {"decode": "0.9-1.0", "encode": "1.9-2.2", "scale": "0.02-0.07", "compose": "0.16"}
AUDIO_GAP_MS, TILE_FPS, LEG_FPS = 40, 25, 29
HEARING = 4  # participants of an audio meeting in whose sound the marks are looked for


def mode_of(args):
    return "personal" if args.personal else "shared"


def floor_args(args, participants=None):
    n = participants or args.participants
    return ["--participants", n, *(["--personal"] if args.personal else []),
            *args.rig.clip_args(args.size, args.video), "--frames", args.floor_frames]


def measure_video(args, participants, seconds=None, record=None):
    """One run; the floor is taken right before and right after it."""
    personal = args.personal
    # what everybody is sent is the same in a shared picture: a few legs tell
    record = record or (participants if personal else min(participants, 4))
    seen = min(16, max(participants - 1, 1) if personal else participants)
    floors = [args.rig.floor(*floor_args(args, participants))["floor"]]
    result = args.rig.run(rigs.NUMBERS[mode_of(args)], participants,
                          *args.rig.clip_args(args.size, args.video), "--audio", args.audio,
                          "--seconds", seconds or args.seconds, "--warmup", args.warmup,
                          "--record", record, "--seen", seen)
    floors.append(args.rig.floor(*floor_args(args, participants))["floor"])
    floor = statistics.mean(floors)
    row = {"case": f"{mode_of(args)}-{args.size}", "codec": args.video,
           "encryption": args.encryption, "participants": participants, "floor": floor,
           **rigs.common_row(result), **rigs.video_row(result)}
    row["ratio"] = row["cpu"] / floor if floor else None
    row["stats"] = result.get("stats")
    return row


def bench_video(args):
    report = Report(args.json, ("ratio", "tile_fps_worst", "video_gap_ms_max", "others_cpu", "up",
                                "steps"))
    for _ in range(args.runs):
        row = report.add(measure_video(args, args.participants))
        if args.verbose:
            for name in ("threads", "encoders_fast", "stats"):
                print(name + ":", row[name])
    return report


def bench_floor(args):
    report = Report(args.json, ("ratio",))
    floor = args.rig.floor(*floor_args(args))
    print(f"{'item':10}{'ms':>10}{'reference':>14}")
    for item, reference in REFERENCE.items():
        print(f"{item:10}{floor[item + '_ms']:10.4f}{reference:>14}")
    row = measure_video(args, args.participants)
    row["items_ms"] = {item: floor[item + "_ms"] for item in REFERENCE}
    row["codecs_rss_mib"] = floor["rss_mib"]
    print(f"codecs alone: {floor['rss_mib'] / args.participants:.1f} MiB a participant")
    report.add(row)
    return report


def measure_audio(args, participants, seconds=None):
    speaking = min(args.speaking, participants)
    floors = []

    def floor():
        decodes = speaking if args.dtx else participants
        floors.append(args.rig.floor("--audio", args.codec, "--participants", max(decodes, 1),
                                     "--speaking", speaking, "--frames", 100)["floor"])

    floor()
    result = args.rig.run(rigs.NUMBERS["shared"], participants, "--audio", args.codec,
                          "--speaking", speaking, *(["--dtx"] if args.dtx else []),
                          "--seconds", seconds or args.seconds, "--warmup", args.warmup,
                          "--join-interval", 5, "--hear", min(participants - 1, HEARING))
    floor()
    row = {"case": f"audio-{args.codec.lower()}" + ("-dtx" if args.dtx else ""),
           "encryption": args.encryption, "participants": participants,
           "floor": statistics.mean(floors), **rigs.common_row(result)}
    for p in ("p50", "p99"):
        row["latency_ms_" + p] = result["load"].get("audio_latency_ms_" + p)
    row["marks"] = result["load"].get("audio_marks", 0)
    row["stats"] = result.get("stats")
    row["limit"] = rigs.limit_of(row)
    return row


def bench_audio(args):
    report = Report(args.json, ("audio_fps_worst", "others_cpu", "marks", "up"))
    for _ in range(args.runs):
        row = report.add(measure_audio(args, args.participants))
        print("limit:", row["limit"])
        if args.verbose:
            print("threads:", row["threads"])
            print("stats:", row["stats"])
    return report


def bench_idle(args):
    """Nobody calls."""
    report = Report(args.json, ("wakeups_per_s", "others_cpu"))
    for _ in range(args.runs):
        row = args.rig.idle(args.conferences, args.seconds)
        report.add({"case": f"idle-{args.conferences}", "encryption": args.encryption,
                    "participants": 0, **row})
        if args.verbose:
            print("threads:", row["threads"])
    return report


# ---- capacity --------------------------------------------------------------------------------

def holds(row):
    """Does this run meet what capacity asks? The reason, or None."""
    if row["up"] < row["participants"]:
        return f"{row['participants'] - row['up']} calls failed"
    if row["audio_gap_ms_max"] > AUDIO_GAP_MS:
        return f"audio gap {row['audio_gap_ms_max']:.0f} ms"
    if row["steps"]:
        return "a quality step was taken"
    if row.get("tile_fps_worst") is not None and row["tile_fps_worst"] < TILE_FPS:
        return f"a tile with {row['tile_fps_worst']:.1f} fresh fps"
    if row.get("leg_fps_worst") is not None and row["leg_fps_worst"] < LEG_FPS:
        return f"a leg with {row['leg_fps_worst']:.1f} fps"
    return None


def search(measure, report, low, high, step):
    """The largest number of participants that holds, to within `step`."""
    best = 0
    while low <= high:
        n = (low + high) // (2 * step) * step if best or low > step else low
        n = max(n, low)
        row = measure(n)
        row["fails"] = holds(row)
        report.add(row)
        if row["fails"]:
            high = n - step
        else:
            best = n
            low = n + step
    return best


def bench_capacity(args):
    print("CPU:", rigs.cpu_model())
    report = Report(args.json, ("ratio", "tile_fps_worst", "others_cpu", "fails"))
    found = {}
    for mode in args.modes.split(","):
        if mode.startswith("audio"):
            args.codec = mode.partition("-")[2] or "PCMU"
            args.dtx = False
            best = search(lambda n: measure_audio(args, n), report, args.least,
                          args.most or 2500, max(args.step, 1))
        else:
            kind, _, args.size = mode.partition("-")
            args.personal = kind == "personal"
            best = search(lambda n: measure_video(args, n), report, args.least,
                          args.most or (24 if args.personal else 500), max(args.step, 1))
        found[mode] = best
        print(f"{mode}: {best} participants hold", flush=True)
    return report


# ---- joining ---------------------------------------------------------------------------------

def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))] if values else None


def measure_join(args, beside):
    """One after the other joins and leaves a meeting of so many who stay."""
    seen = beside if args.personal else beside + 1
    result = args.rig.run(rigs.NUMBERS[mode_of(args)], beside,
                          *args.rig.clip_args(args.size, args.video), "--joins", args.joins,
                          "--warmup", args.warmup, "--seen", min(seen, 16))
    legs = result["load"]["legs"][beside:]
    # those who stay are what the other columns are about
    del result["load"]["legs"][beside:]

    def times(name):
        return [leg[name] for leg in legs if leg.get(name) is not None]

    return {"case": "join-at-rest" if beside == 1 else "join-beside-load",
            "participants": beside, "encryption": args.encryption,
            **rigs.common_row(result), **rigs.video_row(result),
            "joins": len(times("first_picture_ms")),
            "ok_ms_p50": percentile(times("ok_ms"), 50),
            "ok_ms_p95": percentile(times("ok_ms"), 95),
            "picture_ms_p50": percentile(times("first_picture_ms"), 50),
            "picture_ms_p95": percentile(times("first_picture_ms"), 95),
            "full_ms_p50": percentile(times("first_full_ms"), 50),
            "full_ms_p95": percentile(times("first_full_ms"), 95),
            "stats": result.get("stats")}


def bench_join(args):
    """A meeting of one, and one of --participants."""
    report = Report(args.json, ("ok_ms_p50", "ok_ms_p95", "picture_ms_p50", "picture_ms_p95",
                                "full_ms_p50", "others_cpu"))
    for beside in (1, args.participants):
        report.add(measure_join(args, beside))
    return report


def bench_all(args):
    table.run(args, sys.modules[__name__])


# ---- growth ----------------------------------------------------------------------------------

def bench_growth(args):
    report = Report(args.json, ("others_cpu",))
    points = []
    low, high = args.least, args.most or 200
    for k in range(args.points):
        n = low + (high - low) * k // max(args.points - 1, 1)
        runs = []
        for _ in range(args.runs):
            if args.of == "audio":
                runs.append(measure_audio(args, n))
            else:
                runs.append(measure_video(args, n, record=1))
        row = sorted(runs, key=lambda r: r["cpu"])[len(runs) // 2]
        report.add(row)
        points.append((n, row["cpu"]))
    if len(points) > 1:
        slope, base, fit = line_through(points)
        print(f"each further participant: {slope * 100:.3f} % of a core; at none: {base:.3f} cores; "
              f"R² {fit:.4f}")
    return report


# ---- arguments -------------------------------------------------------------------------------

def parse():
    p = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    p.add_argument("--build", help=argparse.SUPPRESS)
    p.add_argument("--media", default="", help=argparse.SUPPRESS)
    sub = p.add_subparsers(dest="bench", required=True)

    def bench(name, run, text, participants):
        s = sub.add_parser(name, help=text)
        s.set_defaults(run=run)
        s.add_argument("--json", metavar="FILE", help="append one object a row")
        s.add_argument("--participants", type=int, default=participants)
        s.add_argument("--encryption", choices=("none", "sdes"), default="none")
        s.add_argument("--seconds", type=int, default=10, help="measured")
        s.add_argument("--warmup", type=int, default=3, help="seconds before")
        s.add_argument("--runs", type=int, default=1)
        s.add_argument("--floor-frames", type=int, default=60)
        s.add_argument("--speaking", type=int, default=3)
        s.add_argument("--dtx", action="store_true", help="who does not speak sends nothing")
        s.add_argument("--io-threads", type=int, default=1, help="of the bridge's wire")
        s.add_argument("--verbose", action="store_true", help="threads and counters too")
        return s

    def video(s):
        s.add_argument("--personal", action="store_true", help="an own picture for each")
        s.add_argument("--shared", action="store_true", help="one picture for all (default)")
        s.add_argument("--size", choices=sorted(rigs.SIZES), default="720p")
        s.add_argument("--codec", choices=("h264", "vp8"), default="h264")
        s.add_argument("--audio", default="PCMU")
        return s

    video(bench("video", bench_video, "a meeting with video", 4))
    video(bench("floor", bench_floor, "what the codecs alone cost beside it", 4))
    s = bench("audio", bench_audio, "a meeting without video", 100)
    s.add_argument("--codec", default="PCMU")
    s = bench("idle", bench_idle, "nobody calls", 0)
    s.set_defaults(seconds=20)
    s.add_argument("--conferences", type=int, default=1000, help="configured")
    s = video(bench("capacity", bench_capacity, "the largest meetings that hold", 0))
    s.set_defaults(seconds=30)
    s.add_argument("--modes", default="personal-720p,shared-720p,shared-360p,audio-PCMU")
    s.add_argument("--least", type=int, default=2)
    s.add_argument("--most", type=int)
    s.add_argument("--step", type=int, default=1)
    s = video(bench("join", bench_join, "how fast one joins, at rest and beside a load", 8))
    s.add_argument("--joins", type=int, default=20)
    s = video(bench("growth", bench_growth, "cost against the number of participants", 0))
    s.set_defaults(runs=3)
    s.add_argument("--of", choices=("video", "audio"), default="video")
    s.add_argument("--least", type=int, default=20)
    s.add_argument("--most", type=int)
    s.add_argument("--points", type=int, default=6)
    s = bench("all", bench_all, "every row of what two cores are to hold, with reasons", 0)
    s.set_defaults(seconds=30)
    s.add_argument("--rows", default=",".join(table.ROWS), help="some of " + ",".join(table.ROWS))
    s.add_argument("--encryptions", default="none,sdes", help="none, sdes or both")
    s.add_argument("--joins", type=int, default=20)
    s.add_argument("--scale", type=float, default=1, help="of all numbers of participants")
    args = p.parse_args()
    args.video = {"h264": "H264", "vp8": "VP8"}.get(getattr(args, "codec", ""), "H264")
    if args.bench == "growth" and args.of == "audio":
        args.codec = "PCMU"
    return args


def main():
    args = parse()
    args.rig = rigs.Rig(args.build, args.media, args.encryption, args.io_threads)
    if args.rig.synthetic and args.bench not in ("audio", "idle"):
        print("no clips in ../shared/media: a synthetic one is used")
    begun = time.monotonic()
    try:
        args.run(args)
    except (RuntimeError, subprocess.CalledProcessError) as e:
        print(f"bench: {e}", file=sys.stderr)
        return 1
    print(f"took {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
