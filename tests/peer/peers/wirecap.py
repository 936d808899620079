# SPDX-License-Identifier: GPL-3.0-or-later
"""What went over loopback: a tcpdump capture and what can be counted in it.

RTP headers stay in clear under SRTP, so frames can be counted for encrypted
legs too.
"""
import collections
import signal
import socket
import struct
import subprocess
import time

Packet = collections.namedtuple("Packet", "time src dst payload")
Rtp = collections.namedtuple("Rtp", "time pt marker seq timestamp ssrc size payload")


class Capture:
    def __init__(self, path, expression="udp or tcp"):
        self.path = path
        self.process = subprocess.Popen(["tcpdump", "-i", "lo", "-U", "-B", "16384", "-w", path,
                                         expression], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        # It says so when it listens.
        self.process.stderr.readline()

    def stop(self):
        time.sleep(.2)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        self.process.stderr.close()


def _ip(data):
    """(protocol, payload) of an Ethernet frame that holds IPv4 or IPv6."""
    kind = struct.unpack_from("!H", data, 12)[0]
    if kind == 0x0800:
        head = (data[14] & 15) * 4
        end = 14 + struct.unpack_from("!H", data, 16)[0]
        return data[23], data[14 + head:end]
    if kind == 0x86dd:
        return data[20], data[54:]
    return None, b""


def packets(path, protocol=socket.IPPROTO_UDP):
    """Packets of a capture in order; src and dst are port numbers."""
    with open(path, "rb") as f:
        head = f.read(24)
        if len(head) < 24:
            return
        magic = struct.unpack("<I", head[:4])[0]
        scale = 1e-9 if magic == 0xa1b23c4d else 1e-6
        while True:
            record = f.read(16)
            if len(record) < 16:
                return
            sec, frac, length, _ = struct.unpack("<IIII", record)
            data = f.read(length)
            if len(data) < 34:
                continue
            kind, body = _ip(data)
            if kind != protocol or len(body) < 8:
                continue
            src, dst = struct.unpack_from("!HH", body)
            offset = 8 if kind == socket.IPPROTO_UDP else (body[12] >> 4) * 4
            yield Packet(sec + frac * scale, src, dst, body[offset:])


def rtp_to(path, ports):
    """RTP packets sent to any of `ports`, by (port, ssrc)."""
    flows = collections.defaultdict(list)
    for p in packets(path):
        d = p.payload
        if p.dst not in ports or len(d) < 12 or d[0] >> 6 != 2 or 192 <= d[1] <= 223:
            continue
        seq, ts, ssrc = struct.unpack_from("!HII", d, 2)
        flows[p.dst, ssrc].append(Rtp(p.time, d[1] & 127, bool(d[1] & 128), seq, ts, ssrc,
                                      len(d), d))
    return flows


def video_flow(path, ports):
    """The flow to an endpoint whose timestamps run at 90 kHz: its video. [] when
    there is none."""
    for flow in rtp_to(path, ports).values():
        seconds = flow[-1].time - flow[0].time
        ticks = (flow[-1].timestamp - flow[0].timestamp) % 2 ** 32
        if seconds > 1 and 80000 < ticks / seconds < 100000:
            return flow
    return []


def frame_rate(flow):
    """Whole frames a second, from the first to the last marker."""
    ends = [r for r in flow if r.marker]
    if len(ends) < 2 or ends[-1].time <= ends[0].time:
        return 0.0
    return (len({r.timestamp for r in ends}) - 1) / (ends[-1].time - ends[0].time)
