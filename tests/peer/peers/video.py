# SPDX-License-Identifier: GPL-3.0-or-later
"""H.264 for phone.py, after RFC 6184: an FFmpeg byte stream into payloads, and
received payloads into a byte stream again. Pictures are compared by FFmpeg."""
import re
import subprocess

from .phone import ffmpeg

MTU = 1200


def encode(source, rate=30, bitrate="2500k", extra=()):
    """A picture source (an FFmpeg input description) as a list of frames, each a list
    of (payload, marker). A key frame every second, parameter sets with it."""
    data = ffmpeg("-f", "lavfi", "-i", source, "-r", str(rate), "-c:v", "libx264", "-preset",
                  "veryfast", "-profile:v", "baseline", "-bf", "0", "-g", str(rate), "-b:v",
                  bitrate, "-maxrate", bitrate, "-bufsize", bitrate, "-pix_fmt", "yuv420p",
                  "-x264-params", "repeat-headers=1:aud=1:scenecut=0", *extra, "-f", "h264", "-")
    frames = []
    for unit in re.split(b"\0\0\0?\1", data)[1:]:
        if unit[0] & 31 == 9:
            frames.append([])
        else:
            frames[-1].append(unit)
    return [_packets(units) for units in frames]


def _packets(units):
    out = []
    for i, unit in enumerate(units):
        last = i == len(units) - 1
        if len(unit) <= MTU:
            out.append((unit, last))
            continue
        head, kind, body = unit[0] & 0xe0 | 28, unit[0] & 31, unit[1:]
        parts = [body[k:k + MTU - 2] for k in range(0, len(body), MTU - 2)]
        for k, part in enumerate(parts):
            flags = (0x80 if k == 0 else 0) | (0x40 if k == len(parts) - 1 else 0)
            out.append((bytes((head, flags | kind)) + part, last and k == len(parts) - 1))
    return out


def frames_of(packets):
    """(timestamp, byte stream) of each frame, in the order of sequence numbers, from
    the first key frame on. No packet may be missing: loopback loses none."""
    packets = sorted(packets, key=lambda p: (p.seq - packets[0].seq + 1000) % 65536)
    frames, begun = [], False
    for p in packets:
        d, unit = p.payload, b""
        kind = d[0] & 31
        if kind == 28:
            if d[1] & 0x80:
                unit = b"\0\0\0\1" + bytes((d[0] & 0xe0 | d[1] & 31,))
            unit += d[2:]
        elif kind == 24:
            at = 1
            while at + 2 <= len(d):
                size = d[at] << 8 | d[at + 1]
                unit += b"\0\0\0\1" + d[at + 2:at + 2 + size]
                at += 2 + size
        else:
            unit = b"\0\0\0\1" + d
        begun = begun or kind == 7 or kind == 24 and d[3] & 31 == 7
        if not begun:
            continue
        if not frames or frames[-1][0] != p.timestamp:
            frames.append((p.timestamp, b""))
        frames[-1] = (p.timestamp, frames[-1][1] + unit)
    return frames


def decode(frames, path):
    """Decodes to a file of raw pictures (I420); their number."""
    with open(path + ".h264", "wb") as f:
        for _, data in frames:
            f.write(data)
    ffmpeg("-fflags", "+genpts", "-r", "30", "-i", path + ".h264", "-fps_mode", "passthrough",
           "-pix_fmt", "yuv420p", "-f", "rawvideo", path)


def ssim(paths, sizes, compose="[1]copy"):
    """SSIM (all planes) of each picture of the first raw file with what a filter graph
    makes of the others, its inputs 1, 2, …"""
    stats, inputs = paths[0] + ".ssim", []
    for path, size in zip(paths, sizes):
        inputs += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", "30", "-i", path]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, "-lavfi",
                    f"{compose}[ideal];[0][ideal]ssim=stats_file={stats}", "-f", "null", "-"],
                   check=True, stdin=subprocess.DEVNULL)
    with open(stats) as f:
        return [float(re.search(r"All:([\d.]+)", line).group(1)) for line in f]
