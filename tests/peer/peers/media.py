# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip and a sound for each client, made with ffmpeg.

Picture: a background hue of its own; on a black panel a row of four cells (the
client's number) and a row of eight (time in eighths of a second); a white
square that moves. Sound: a low voice-like hum with syllables, and every second
a burst of a tone of its own.
"""
import os
import subprocess

COLOURS = ("red", "lime", "blue", "yellow", "magenta", "cyan", "orange", "0x8000FF")
HUES = (0, 120, 240, 60, 300, 180, 39, 270)
# No tone is a harmonic of another or of a hum, and none is a DTMF frequency.
TONES = (457, 619, 811, 1033, 1319, 1787, 2053, 2357)
HUMS = (101, 107, 113, 127, 131, 137, 139, 149)
# The panel in a 640x360 picture, as fractions are taken from it when reading.
ID_ROW = (160, 100, 80, 70)       # x, y, cell width, cell height
TIME_ROW = (160, 190, 40, 70)


def _run(*args):
    subprocess.run(("ffmpeg", "-v", "error", "-y") + args, check=True,
                   stdin=subprocess.DEVNULL)


def picture_filter(k, seconds, rate=30):
    """ffmpeg's description of client k's picture, 640x360."""
    parts = [f"color=c={COLOURS[k]}:s=640x360:r={rate}:d={seconds}",
             "drawbox=x=140:y=80:w=360:h=200:color=black:t=fill"]
    x, y, w, h = ID_ROW
    for bit in range(4):
        if k >> (3 - bit) & 1:
            parts.append(f"drawbox=x={x + bit * w}:y={y}:w={w}:h={h}:color=white:t=fill")
    x, y, w, h = TIME_ROW
    for bit in range(8):
        on = f"mod(floor(t*8/{2 ** (7 - bit)}),2)"
        parts.append(f"drawbox=x={x + bit * w}:y={y}:w={w}:h={h}:color=white:t=fill"
                     f":enable='{on}'")
    parts.append("drawbox=x='mod(t*160,600)':y=310:w=40:h=40:color=white:t=fill")
    return ",".join(parts)


def clip(k, path, seconds=60):
    if not os.path.exists(path):
        _run("-f", "lavfi", "-i", picture_filter(k, seconds), "-c:v", "libx264", "-preset",
             "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p", "-g", "30", "-bf", "0",
             path + ".part.mp4")
        os.rename(path + ".part.mp4", path)
    return path


def still(k, second, path):
    """One moment of client k's picture as a JPEG of 640x480 (linphone's camera)."""
    _run("-f", "lavfi", "-i", picture_filter(k, second + 1, 8), "-ss", str(second), "-frames:v",
         "1", "-vf", "scale=640:360,pad=640:480:0:60", "-q:v", "2", path)
    return path


def sound(k, path, rate=48000, seconds=60, codec="pcm_s16le"):
    if not os.path.exists(path):
        hum = f"0.06*(sin(2*PI*{HUMS[k]}*t)+0.5*sin(4*PI*{HUMS[k]}*t))*(0.6+0.4*sin(2*PI*3.3*t))"
        # Rises and falls in 60 ms: a hard edge would be heard at every pitch.
        at = f"mod(t+{k}*0.13,1)"
        burst = f"0.25*sin(2*PI*{TONES[k]}*t)*clip({at}/0.06,0,1)*clip((0.7-{at})/0.06,0,1)"
        ext = os.path.splitext(path)[1]
        _run("-f", "lavfi", "-i", f"aevalsrc='{hum}+{burst}':s={rate}:d={seconds}", "-ac", "1",
             "-c:a", codec, *(("-f", "alaw") if codec == "pcm_alaw" else ()), path + ".part" + ext)
        os.rename(path + ".part" + ext, path)
    return path
