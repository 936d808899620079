# SPDX-License-Identifier: GPL-3.0-or-later
"""Steady tones in a recording: how well they are kept, and where it has a gap or a
click. What is cut into pieces has to hold whole periods of every tone."""
import math
from operator import mul

_tables = {}


def _table(hz, rate, n):
    key = hz, rate, n
    if key not in _tables:
        w = 2 * math.pi * hz / rate
        _tables[key] = [[f(w * i) for i in range(n)] for f in (math.cos, math.sin)]
    return _tables[key]


def without(pcm, rate, tones):
    """(amplitude of each tone, what is left when they and the mean are taken away)."""
    n = len(pcm)
    mean = sum(pcm) / n
    rest, amplitudes = [v - mean for v in pcm], []
    parts = []
    for hz in tones:
        c, s = _table(hz, rate, n)
        a, b = 2 / n * sum(map(mul, pcm, c)), 2 / n * sum(map(mul, pcm, s))
        amplitudes.append(math.hypot(a, b))
        parts.append((a, b, c, s))
    for a, b, c, s in parts:
        rest = [v - a * x - b * y for v, x, y in zip(rest, c, s)]
    return amplitudes, rest


def snr(pcm, rate, *tones):
    """Signal to noise in dB: the tones, and all else but a constant."""
    amplitudes, rest = without(pcm, rate, tones)
    noise = sum(map(mul, rest, rest)) / len(rest)
    return 10 * math.log10(max(sum(a * a for a in amplitudes), 1e-9) / 2 / max(noise, 1e-3))


def _middle(values):
    return sorted(values)[len(values) // 2]


def flaws(pcm, rate, tones, amplitude):
    """(where in seconds, what) of each 50 ms in which something is wrong with tones of
    this amplitude: a `gap`, 5 ms at less than half the power; a `click`, where what is no
    tone stands out, by a tenth of the amplitude, and by eight times the noise around it
    (that of Opus at 40 kbit/s is 25 to 33 dB below two tones, and peaks at four times); or
    a `level` more than 1 dB from what it should be."""
    found, n, block, windows = [], rate // 20, rate // 200, []
    quiet = len(tones) * amplitude ** 2 / 4 * block
    for k in range(0, len(pcm) - n + 1, n):
        part = pcm[k:k + n]
        levels, rest = without(part, rate, tones)
        windows.append((
            any(sum(map(mul, b, b)) < quiet for b in (part[i:i + block]
                                                      for i in range(0, n, block))),
            max(max(rest), -min(rest)), math.sqrt(sum(map(mul, rest, rest)) / n),
            all(.891 < a / amplitude < 1.122 for a in levels)))
    for k, (gap, peak, _, level) in enumerate(windows):
        noise = _middle([rms for _, _, rms, _ in windows[max(0, k - 4):k + 5]])
        if gap:
            found.append((k / 20, "gap"))
        elif peak > max(amplitude / 10, 8 * noise):
            found.append((k / 20, "click"))
        elif not level:
            found.append((k / 20, "level"))
    return found
