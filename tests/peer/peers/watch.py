# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for a picture in which something is to be seen. No picture is compared with one
that was kept."""
import shutil
import subprocess
import time

from . import see

W, H = 1280, 720


def load(path):
    """The least and the most of red, green and blue of each pixel: only white is
    bright in the one, and only black is dark in the other, whatever the clips have."""
    rgb = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-vf", f"scale={W}:{H}", "-f",
                          "rawvideo", "-pix_fmt", "rgb24", "-"], stdout=subprocess.PIPE,
                         stdin=subprocess.DEVNULL, check=True).stdout
    channels = rgb[0::3], rgb[1::3], rgb[2::3]
    return bytes(map(min, *channels)), bytes(map(max, *channels))


def part(data, x, y, w, h):
    return b"".join(data[r * W + x:r * W + x + w] for r in range(y, y + h))


def white(data, box):
    """How many pixels of letters and marks are in it."""
    return sum(v > 150 for v in part(data[0], *box))


class Watcher:
    def __init__(self, client, folder, keep):
        self.client, self.folder, self.keep, self.n = client, folder, keep, 0

    def until(self, what, seconds=45, name=None):
        """The first picture in which what(picture, tiles) is true, as its result."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.n += 1
            path = f"{self.folder}/{self.n}.png"
            if self.client.snapshot(path):
                found = what(load(path), {t.client: t.box for t in see.tiles(path)})
                if found:
                    if self.keep and name:
                        shutil.copy(path, f"{self.keep}/{name}.png")
                    return found
            time.sleep(.3)
        return None
