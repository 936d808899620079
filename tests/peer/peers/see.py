# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clients are in a picture: see.py FILE prints them.

A tile is a patch of one client's background hue; it counts when the number in
its panel agrees with the hue. Cells are read relative to the patch's box, so
scaling and letterboxing do not matter.
"""
import colorsys
import subprocess
import sys
from collections import namedtuple

from . import media

Tile = namedtuple("Tile", "client counter box")
WIDTH, HEIGHT, STEP = 640, 360, 2


def pixels(path, second=None):
    seek = ["-ss", str(second)] if second is not None else []
    out = subprocess.run(["ffmpeg", "-v", "error", *seek, "-i", path, "-frames:v", "1", "-vf",
                          f"scale={WIDTH}:{HEIGHT}:flags=area", "-f", "rawvideo", "-pix_fmt",
                          "rgb24", "-"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                         check=True).stdout
    if len(out) != WIDTH * HEIGHT * 3:
        raise ValueError(f"{path}: no picture")
    return out


def _hue_client(r, g, b, cache={}):
    key = (r >> 2, g >> 2, b >> 2)
    if key not in cache:
        h, s, v = colorsys.rgb_to_hsv(r / 255, g / 255, b / 255)
        found = -1
        # the border of who speaks is of a duller green than a client's
        if s > .68 and v > .35:
            for k, hue in enumerate(media.HUES):
                away = abs(h * 360 - hue)
                if min(away, 360 - away) < 14:
                    found = k
        cache[key] = found
    return cache[key]


def _patches(data):
    """Connected areas of one client's hue: (client, x0, y0, x1, y1, count)."""
    w, h = WIDTH // STEP, HEIGHT // STEP
    grid = []
    for y in range(h):
        row = y * STEP * WIDTH * 3
        grid.append([_hue_client(*data[row + x * STEP * 3:row + x * STEP * 3 + 3])
                     for x in range(w)])
    for y in range(h):
        for x in range(w):
            k = grid[y][x]
            if k < 0:
                continue
            grid[y][x] = -1
            stack, n = [(x, y)], 0
            x0 = x1 = x
            y0 = y1 = y
            while stack:
                a, b = stack.pop()
                n += 1
                x0, x1, y0, y1 = min(x0, a), max(x1, a), min(y0, b), max(y1, b)
                for p, q in ((a + 1, b), (a - 1, b), (a, b + 1), (a, b - 1)):
                    if 0 <= p < w and 0 <= q < h and grid[q][p] == k:
                        grid[q][p] = -1
                        stack.append((p, q))
            if n > .0012 * w * h:
                yield k, x0 * STEP, y0 * STEP, (x1 + 1) * STEP, (y1 + 1) * STEP, n


def _read_row(data, box, row, bits):
    x0, y0, x1, y1 = box
    value = 0
    for bit in range(bits):
        u = (row[0] + (bit + .5) * row[2]) / 640
        v = (row[1] + .5 * row[3]) / 360
        x = min(WIDTH - 1, int(x0 + u * (x1 - x0)))
        y = min(HEIGHT - 1, int(y0 + v * (y1 - y0)))
        r, g, b = data[(y * WIDTH + x) * 3:(y * WIDTH + x) * 3 + 3]
        value = value * 2 + (r * 3 + g * 6 + b > 1270)
    return value


def tiles(path, second=None):
    """The tiles of a picture file, or of a video at a second."""
    data = pixels(path, second)
    found = []
    for k, x0, y0, x1, y1, _ in _patches(data):
        box = (x0, y0, x1, y1)
        if _read_row(data, box, media.ID_ROW, 4) == k:
            found.append(Tile(k, _read_row(data, box, media.TIME_ROW, 8),
                              (x0, y0, x1 - x0, y1 - y0)))
    return found


if __name__ == "__main__":
    for tile in tiles(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None):
        print(tile)
