# SPDX-License-Identifier: GPL-3.0-or-later
"""A room system of another age: its call is the scripted phone's, and its picture is
coded and decoded by GStreamer, which sends to and receives from two ports of its own.
The phone's media socket stands between them and the bridge, and may lose packets.
Slides are a second video of it, coded by a GStreamer of their own."""
import glob
import os
import random
import re
import shutil
import socket
import subprocess
import threading
import time
import wave

from . import media
from .phone import PCM_RATE, Media, Phone, decode, encode, ffmpeg


class Video:
    def __init__(self, pt, described, encoder, pay, depay, decoder, name):
        self.pt, self.described, self.encoder, self.pay = pt, described, encoder, pay
        self.depay, self.decoder, self.name = depay, decoder, name


# How it is offered, and GStreamer's elements. A key frame every 8 pictures, as if one were
# asked for and came within half a second: these encoders cannot be asked.
VIDEOS = {
    "H261": Video(31, ["a=rtpmap:31 H261/90000", "a=fmtp:31 CIF={cif};QCIF=1"],
                  "avenc_h261 bitrate={bits} gop-size=8", "rtph261pay mtu=1200",
                  "rtph261depay", "avdec_h261", "H261"),
    "H263": Video(34, ["a=rtpmap:34 H263/90000", "a=fmtp:34 {sizes}"],
                  "avenc_h263 bitrate={bits} gop-size=8 ps=1000", "rtph263pay mtu=1200",
                  "rtph263depay", "avdec_h263", "H263"),
    "H263-1998": Video(96, ["a=rtpmap:96 H263-1998/90000", "a=fmtp:96 {sizes}"],
                       "avenc_h263p bitrate={bits} gop-size=8", "rtph263ppay mtu=1200",
                       "rtph263pdepay", "avdec_h263", "H263-1998"),
    "H264": Video(97, ["a=rtpmap:97 H264/90000",
                       "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1",
                       "a=rtcp-fb:97 nack pli"],
                  "openh264enc bitrate={bits} gop-size=8 complexity=low ! "
                  "video/x-h264,profile=constrained-baseline",
                  "rtph264pay mtu=1200 config-interval=-1", "rtph264depay ! h264parse",
                  "avdec_h264", "H264"),
    "VP8": Video(100, ["a=rtpmap:100 VP8/90000", "a=rtcp-fb:100 nack pli"],
                 "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=8 target-bitrate={bits}",
                 "rtpvp8pay mtu=1200", "rtpvp8depay", "avdec_vp8", "VP8"),
}


FAST_UPDATE = """<?xml version="1.0" encoding="utf-8"?>
<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive>
</media_control>
"""


def old_clip(k, folder, size=(352, 288), pixel=12 / 11, seconds=60):
    """Client k's clip in an old size whose pixels have that shape, with bars."""
    w, h = size
    path, tall = f"{folder}/old{k}-{w}x{h}.mp4", round(w * pixel * 9 / 16 / 2) * 2
    if not os.path.exists(path):
        ffmpeg("-i", media.clip(k, f"{folder}/c{k}.mp4", seconds), "-vf",
               f"scale={w}:{tall},pad={w}:{h}:0:(oh-ih)/2,fps=15", "-c:v", "libx264", "-preset",
               "ultrafast", "-crf", "18", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "15", path)
    return path


def gst(log, *pipeline):
    return subprocess.Popen(["gst-launch-1.0", "-q", *" ".join(pipeline).split()],
                            stdin=subprocess.DEVNULL, stdout=open(log, "w"),
                            stderr=subprocess.STDOUT)


def end(processes):
    for p in processes:
        p.terminate()
    for p in processes:
        try:
            p.wait(3)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


class Feed:
    """What comes from a GStreamer is sent from a Media's socket, once `change` (packet to
    packet, or None for a lost one) has had it."""

    def __init__(self, media, change):
        self.media, self.change, self.running = media, change, True
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(.2)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while self.running:
            try:
                data = self.socket.recv(65536)
                data = self.change(data) if self.media.remote else None
                if data:
                    self.media.socket.sendto(data, self.media.remote)
            except TimeoutError:
                continue
            except OSError:
                return

    def close(self):
        self.running = False
        self.socket.close()

    def play(self, log, v, clip, bits):
        """GStreamer plays the clip in that codec."""
        return gst(log, f"filesrc location={clip} ! qtdemux ! h264parse ! avdec_h264 !",
                   f"videoconvert ! {v.encoder.format(bits=bits)} ! {v.pay} pt={v.pt} !",
                   f"udpsink host=127.0.0.1 port={self.port}")


class Line:
    """A line of an offer that nothing flows on."""
    media = None

    def __init__(self, *lines):
        self.lines = lines

    def described(self):
        return list(self.lines)


class Slides(Line):
    """A second video. `offered`: it is in use; else its port is 0."""

    def __init__(self, log, codec, clip, *lines, kbits=800):
        super().__init__(*lines)
        self.v, self.log, self.clip, self.kbits = VIDEOS[codec], log, clip, kbits
        self.media, self.offered, self.direction = Media("127.0.0.1", self.v.pt, 90000, 3000), \
            True, "sendonly"
        self.feed, self.processes = Feed(self.media, lambda data: data), []

    def described(self):
        return [f"m=video {self.media.port if self.offered else 0} RTP/AVP {self.v.pt}",
                *self.v.described, "a=content:slides", *self.lines, "a=rtcp-mux",
                f"a={self.direction}"]

    def start(self):
        self.processes.append(self.feed.play(self.log, self.v, self.clip, self.kbits * 1000))

    def stop(self):
        """No packets any more; reports go on."""
        end(self.processes)
        self.processes = []

    def close(self):
        self.stop()
        self.feed.close()


class Room(Phone):
    """`clip`: an H.264 file of the size that it sends. `loss`: the part of the packets
    of each direction that is lost, (sent, received)."""

    def __init__(self, folder, name, codec, clip, *, audio="PCMA", sound=None, loss=(0, 0),
                 kbits=400, cif=True, cif4=False, lines=(), seed=1):
        v = self.v = VIDEOS[codec]
        sizes = ";".join((["CIF4=1"] if cif4 else []) + (["CIF=1"] if cif else []) + ["QCIF=1"])
        described = [d.format(sizes=sizes, cif=1) for d in v.described]
        if codec == "H261" and not cif:
            described[-1] = "a=fmtp:31 QCIF=1"
        super().__init__(name, audio, video=True, agent="room/1")
        os.makedirs(folder + "/png", exist_ok=True)
        self.folder, self.clip, self.kbits, self.sound = folder, clip, kbits, sound
        self.video_formats = str(v.pt), [*described, *lines], "RTP/AVP"
        self.loss, self.random = loss, random.Random(seed)
        self.outgoing = lambda data: data   # what becomes of each packet that it sends
        self.rtp_ports = {self.video.port}
        self.feed = Feed(self.video, self._lossy)
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.bind(("127.0.0.1", 0))
        self.receiver = probe.getsockname()
        probe.close()
        self.processes = []
        self.video.forward = self._to_receiver
        self.missed = False
        threading.Thread(target=self._ask, daemon=True).start()

    def _to_receiver(self, data):
        if self.random.random() >= self.loss[1]:
            self.feed.socket.sendto(data, self.receiver)
        else:
            self.missed = True

    def _ask(self):
        """What any room does when it missed something or has nothing yet: asks for a whole picture, by PLI
        where that is agreed, else by INFO; at most twice a second."""
        while self.running:
            time.sleep(.5)
            if not self.processes or not self.missed and self.pictures():
                continue
            self.missed = False
            if "nack pli" in self.answer:
                self.video.send_feedback(206, 1)
            elif self.status == 200:
                self._request("INFO", FAST_UPDATE, 2, kind="application/media_control+xml")

    def _lossy(self, data):
        return self.outgoing(data) if self.random.random() >= self.loss[0] else None

    def start(self):
        """Its picture begins, both ways."""
        v = self.v
        self.processes += [
            gst(f"{self.folder}/receive.log",
                f"udpsrc address=127.0.0.1 port={self.receiver[1]}",
                f"caps=application/x-rtp,media=video,clock-rate=90000,encoding-name={v.name},"
                f"payload={v.pt} ! rtpjitterbuffer latency=60 ! {v.depay} ! {v.decoder} !",
                "videoconvert ! videorate ! video/x-raw,framerate=4/1 ! pngenc "
                "compression-level=1 !",
                f"multifilesink location={self.folder}/png/%06d.png"),
            self.feed.play(f"{self.folder}/send.log", v, self.clip, self.kbits * 1000)]
        if self.sound:
            self.play(encode(self.codec, self.sound, 60))

    def dial(self, uri):
        self.bridge = self.bridge[0], int(re.search(r":(\d+)", uri.split("@")[1]).group(1))
        if not self.call(re.search(r"sip:(\d+)@", uri).group(1)):
            return False
        self.start()
        return True

    def pictures(self):
        """All it has received, four a second; the last may not be whole yet."""
        return sorted(glob.glob(self.folder + "/png/*.png"))[:-1]

    def snapshot(self, path, seconds=4):
        """The next picture that it receives."""
        before, end = len(self.pictures()), time.monotonic() + seconds
        while time.monotonic() < end:
            now = self.pictures()
            if len(now) > before:
                shutil.copy(now[-1], path)
                return True
            time.sleep(.05)
        return False

    def recording(self):
        packets = self.heard()
        if not packets:
            return []
        path = self.folder + "/heard.wav"
        with wave.open(path, "wb") as f:
            f.setparams((1, 2, PCM_RATE[self.codec], 0, "NONE", ""))
            f.writeframes(decode(self.codec, packets).tobytes())
        return [path]

    def quit(self):
        end(self.processes)
        self.processes = []

    def hangup(self):
        self.quit()
        super().hangup()
        self.feed.close()
