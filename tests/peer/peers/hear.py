# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clients are in a sound: hear.py FILE prints the level of each tone.

The level of a tone is its mean power over many short windows (Hann, Goertzel),
so that a codec's noise, which wanders, weighs less than a tone that is there.
dBFS, 0 = full scale.
"""
import array
import math
import subprocess
import sys

from . import media

RATE = 8000
WINDOW = 2000  # a quarter of a second: 4 Hz apart is told apart


def samples(path, start=0.0, seconds=None):
    cut = ["-t", str(seconds)] if seconds else []
    out = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-ss", str(start), *cut, "-ac", "1",
                          "-ar", str(RATE), "-f", "s16le", "-"], stdout=subprocess.PIPE,
                         stdin=subprocess.DEVNULL, check=True).stdout
    pcm = array.array("h")
    pcm.frombytes(out[:len(out) // 2 * 2])
    return pcm


_HANN = [.5 - .5 * math.cos(2 * math.pi * i / WINDOW) for i in range(WINDOW)]


def tone_db(window, hz):
    c = 2 * math.cos(2 * math.pi * hz / RATE)
    s1 = s2 = 0.0
    for v, h in zip(window, _HANN):
        s1, s2 = v * h + c * s1 - s2, s1
    power = max(s1 * s1 + s2 * s2 - c * s1 * s2, 1e-9)
    return 20 * math.log10(max(4 * math.sqrt(power) / WINDOW / 32768, 1e-6))


def levels(path, start=0.0, seconds=4.0):
    """The level of each client's tone."""
    pcm = samples(path, start, seconds)
    power, n = [1e-12] * len(media.TONES), 0
    for at in range(0, len(pcm) - WINDOW + 1, WINDOW // 2):
        window = pcm[at:at + WINDOW]
        for k, hz in enumerate(media.TONES):
            power[k] += 10 ** (tone_db(window, hz) / 10)
        n += 1
    return [10 * math.log10(p / max(n, 1)) for p in power]


def heard(path, start=0.0, seconds=4.0, floor=-32.0):
    return [k for k, db in enumerate(levels(path, start, seconds)) if db > floor]


if __name__ == "__main__":
    for client, level in enumerate(levels(sys.argv[1], *map(float, sys.argv[2:]))):
        print(f"client {client}  {media.TONES[client]} Hz  {level:.1f} dBFS")
