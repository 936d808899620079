# SPDX-License-Identifier: GPL-3.0-or-later
"""`scripts/bench all`: what the bridge is to hold on two cores, row by row, with the
number measured and, where it is missed, the reason.

A capacity is first tried at its target, then at less until something holds: the
answer is a bound from below, `scripts/bench capacity` finds it exactly."""
import argparse
import statistics

import rig as rigs
from report import Report, line_through

STEPS = (1, .9, .8, .7, .6, .5, .35, .25)  # of the target


def settings(args, **more):
    return argparse.Namespace(**{**vars(args), "runs": 1, "audio": "PCMU", "video": "H264",
                                 "codec": "PCMU", "dtx": False, "size": "720p",
                                 "personal": False, **more})


class Table:
    """Rows are measured as they are asked for; runs that serve two rows are kept."""

    def __init__(self, args, bench):
        self.args, self.bench, self.kept = args, bench, {}
        self.report = Report(args.json)
        self.report.quiet = not args.verbose
        self.met = self.missed = 0

    def count(self, n):
        return max(2, round(n * self.args.scale))

    def say(self, name, target, value, ok, why=""):
        self.met, self.missed = self.met + bool(ok), self.missed + (not ok)
        print(f"{'met   ' if ok else 'MISSED'}  {name:44}  target {target:>12}  "
              f"measured {value}" + (f"  ({why})" if why and not ok else ""), flush=True)

    def video(self, n, **more):
        key = n, tuple(more.items())
        if key not in self.kept:
            args = settings(self.args, **more)
            args.warmup = max(args.warmup, n // 40)
            self.kept[key] = self.report.add(self.bench.measure_video(args, n))
        return self.kept[key]

    def audio(self, n, codec, speaking=3, dtx=False):
        args = settings(self.args, codec=codec, speaking=speaking, dtx=dtx)
        return self.report.add(self.bench.measure_audio(args, n))

    def capacity(self, name, target, measure):
        reasons = []
        for step in STEPS:
            n = self.count(target * step)
            row = measure(n)
            why = self.bench.holds(row)
            if not why:
                break
            reasons.append(f"at {n}: {why}; {rigs.limit_of(row)}")
        else:
            n = 0
        self.say(name, target, n, n >= self.count(target), " | ".join(reasons))

    def at_most(self, name, target, value, unit, row):
        text = "nothing" if value is None else f"{value:.3g} {unit}"
        self.say(name, f"{target} {unit}", text, value is not None and value <= target,
                 f"at {row['participants']}: {rigs.limit_of(row)}, floor {row['floor']}")

    # ---- the rows ------------------------------------------------------------------------

    def row_personal(self, e):
        self.capacity("personal 720p", (17, 16)[e], lambda n: self.video(n, personal=True))

    def row_shared720(self, e):
        self.capacity("shared 720p, 16 seen", (400, 300)[e], self.video)

    def row_shared360(self, e):
        self.capacity("shared 360p, 16 seen", (500, 400)[e], lambda n: self.video(n, size="360p"))

    def row_hundred(self, e):
        row = self.video(self.count(100))
        self.at_most("100 shared 720p, CPU", (.85, 1.0)[e], row["cpu"], "cores", row)
        for p, target in (("p50", 40), ("p99", 67)):
            self.at_most(f"video in to out, 100 shared, {p}", target, row["latency_ms_" + p],
                         "ms", row)

    def row_twelve(self, e):
        row = self.video(self.count(12), personal=True)
        self.at_most("bridge CPU / floor, 12 personal", (1.12, 1.18)[e], row["ratio"], "", row)
        for p, target in (("p50", 40), ("p99", 67)):
            self.at_most(f"video in to out, 12 personal, {p}", target, row["latency_ms_" + p],
                         "ms", row)
        self.at_most("memory per personal 720p participant", 28,
                     row["rss_mib"] / row["participants"], "MiB", row)

    def row_slope(self, e):
        points = [self.count(20 + 180 * k // 5) for k in range(6)]
        args = settings(self.args)
        runs = [(n, statistics.median(self.report.add(
            self.bench.measure_video(args, n, record=1))["cpu"] for _ in range(self.args.runs)))
            for n in points]
        slope, _, fit = line_through(runs)
        self.say("each further listener, 20 to 200 shared", f"{(.2, .35)[e]} % of a core",
                 f"{slope * 100:.3f} %, R² {fit:.3f}",
                 slope * 100 <= (.2, .35)[e] and fit >= .98, f"cores: {runs}")

    def row_pcmu(self, e):
        self.capacity("audio G.711, 3 speaking", (2000, 1500)[e], lambda n: self.audio(n, "PCMU"))

    def row_opus(self, e):
        self.capacity("audio Opus, all sending", (1000, 800)[e], lambda n: self.audio(n, "OPUS"))

    def row_opusloud(self, e):
        """More than is asked for: all speak at once."""
        self.capacity("audio Opus, all speaking", (1000, 800)[e],
                      lambda n: self.audio(n, "OPUS", speaking=n))

    def row_opusdtx(self, e):
        self.capacity("audio Opus, others in DTX", (1500, 1200)[e],
                      lambda n: self.audio(n, "OPUS", dtx=True))

    def row_sound(self, _):
        row = self.audio(self.count(20), "PCMU")
        for p, target in (("p50", 60), ("p99", 80)):
            self.at_most(f"audio in to out, {p}", target, row["latency_ms_" + p], "ms", row)

    def row_join(self, _):
        args = settings(self.args, personal=True)
        full = self.video(self.count(12), personal=True)
        # so many that four fifths of the machine are at work
        load = max(2, round(full["participants"] * .8 * self.cores() / max(full["cpu"], .1)))
        for name, beside, target in (("at rest", 1, 20), ("at 80 % load", load, 60)):
            row = self.report.add(self.bench.measure_join(args, beside))
            row["floor"] = None
            self.at_most(f"INVITE to 200, p95, {name}", target, row["ok_ms_p95"], "ms", row)

    def row_idle(self, _):
        row = self.args.rig.idle(self.count(1000), self.args.seconds)
        self.report.add({"case": "idle", "encryption": self.args.encryption,
                         "participants": 0, **row})
        self.say("idle with 1,000 conferences, CPU", "0.5 %", f"{row['cpu'] * 100:.2f} %",
                 row["cpu"] <= .005, f"threads {row['threads']}")

    @staticmethod
    def cores():
        return rigs.os.cpu_count()


ROWS = [name.partition("_")[2] for name in vars(Table) if name.startswith("row_")]


def run(args, bench):
    print("CPU:", rigs.cpu_model())
    met = missed = 0
    for e, encryption in enumerate(("none", "sdes")):
        if encryption not in args.encryptions.split(","):
            continue
        args.encryption = args.rig.encryption = encryption
        print("plain" if encryption == "none" else "with AES_CM_128_HMAC_SHA1_80", flush=True)
        table = Table(args, bench)
        for name in args.rows.split(","):
            try:
                getattr(table, "row_" + name)(e)
            except RuntimeError as error:
                table.say(name, "", "nothing", False, str(error).splitlines()[-1])
        met, missed = met + table.met, missed + table.missed
    print(f"{met} met, {missed} missed")
