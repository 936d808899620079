# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables, rows as JSON, and straight lines through points."""
import json

FIELDS = ("case", "encryption", "participants", "cpu", "generator_cpu", "floor", "fps_worst",
          "audio_gap_ms_max", "latency_ms_p50", "latency_ms_p99", "rss_mib")


def text(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < .1 else f"{value:.2f}" if abs(value) < 100 else \
            f"{value:.0f}"
    return str(value)


class Report:
    """Prints rows as they come, and appends them to a file."""

    def __init__(self, path=None, columns=()):
        self.path, self.columns, self.widths = path, FIELDS + tuple(columns), None
        self.rows = []
        self.quiet = False

    def add(self, row):
        full = {name: None for name in FIELDS} | row
        self.rows.append(full)
        if not self.quiet:
            self.show(full)
        if self.path:
            with open(self.path, "a") as f:
                f.write(json.dumps(full) + "\n")
        return full

    def show(self, full):
        cells = [text(full.get(c)) for c in self.columns]
        if self.widths is None:
            self.widths = [max(len(c), 8, len(v)) for c, v in zip(self.columns, cells)]
            print("  ".join(c.rjust(w) for c, w in zip(self.columns, self.widths)))
        print("  ".join(v.rjust(w) for v, w in zip(cells, self.widths)), flush=True)


def line_through(points):
    """Least squares: slope, intercept, R²."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    sxx = sum((x - mx) ** 2 for x, _ in points)
    sxy = sum((x - mx) * (y - my) for x, y in points)
    syy = sum((y - my) ** 2 for _, y in points)
    slope = sxy / sxx
    return slope, my - slope * mx, sxy * sxy / (sxx * syy) if syy else 1.0
