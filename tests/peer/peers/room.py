# SPDX-License-Identifier: GPL-3.0-or-later
"""A room system of another age: its call is the scripted phone's, and its picture is
coded and decoded by GStreamer, which sends to and receives from two ports of its own.
The phone's media socket stands between them and the bridge, and may lose packets."""
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
from .phone import PCM_RATE, Phone, decode, encode, ffmpeg


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
        self.inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inside.bind(("127.0.0.1", 0))
        self.inside.settimeout(.2)
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.bind(("127.0.0.1", 0))
        self.receiver = probe.getsockname()
        probe.close()
        self.processes = []
        self.video.forward = self._to_receiver
        self.missed = False
        for target in (self._from_sender, self._ask):
            threading.Thread(target=target, daemon=True).start()

    def _to_receiver(self, data):
        if self.random.random() >= self.loss[1]:
            self.inside.sendto(data, self.receiver)
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

    def _from_sender(self):
        while self.running:
            try:
                data = self.inside.recv(65536)
            except OSError:
                continue
            if self.video.remote and self.random.random() >= self.loss[0]:
                try:
                    self.video.socket.sendto(self.outgoing(data), self.video.remote)
                except OSError:
                    return

    def _gst(self, what, *pipeline):
        line = " ".join(pipeline).format(bits=self.kbits * 1000)
        self.processes.append(subprocess.Popen(
            ["gst-launch-1.0", "-q", *line.split()], stdin=subprocess.DEVNULL,
            stdout=open(f"{self.folder}/{what}.log", "w"), stderr=subprocess.STDOUT))

    def start(self):
        """Its picture begins, both ways."""
        v = self.v
        self._gst("receive", f"udpsrc address=127.0.0.1 port={self.receiver[1]}",
                  f"caps=application/x-rtp,media=video,clock-rate=90000,encoding-name={v.name},"
                  f"payload={v.pt} ! rtpjitterbuffer latency=60 ! {v.depay} ! {v.decoder} !",
                  "videoconvert ! videorate ! video/x-raw,framerate=4/1 ! pngenc "
                  "compression-level=1 !",
                  f"multifilesink location={self.folder}/png/%06d.png")
        self._gst("send", f"filesrc location={self.clip} ! qtdemux ! h264parse ! avdec_h264 !",
                  f"videoconvert ! {v.encoder} ! {v.pay} pt={v.pt} !",
                  f"udpsink host=127.0.0.1 port={self.inside.getsockname()[1]}")
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
        for p in self.processes:
            p.terminate()
        for p in self.processes:
            try:
                p.wait(3)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.processes = []

    def hangup(self):
        self.quit()
        super().hangup()
        self.inside.close()
