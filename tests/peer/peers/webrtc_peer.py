#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""aiortc (ICE, DTLS-SRTP, BUNDLE; libvpx and libx264 through PyAV) with the few
lines of SIP over TCP that it lacks. Driven by JSON lines on standard input:
{"do": "dial", "uri": "sip:2001@127.0.0.1:5060", "delayed": false}, {"do": "snapshot",
"path": …}, {"do": "hangup"}; each is answered by a JSON line. Delayed: the other side
makes the offer, in its 200, and gets the answer in the ACK. Runs on Debian's python3.
"""
import argparse
import asyncio
import json
import re
import sys
import uuid
import wave

import av
import aiortc.codecs
import aiortc.rtp
from aiortc import (RTCConfiguration, RTCPeerConnection, RTCRtpSender,
                    RTCSessionDescription)
from aiortc.contrib.media import MediaPlayer
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters

# As offerer it gives one id to two header extensions; a peer that sends them back
# would confuse it.
for extension in aiortc.codecs.HEADER_EXTENSIONS["video"]:
    if "abs-send-time" in extension.uri:
        extension.id = 3


def held(orientation):
    """Its packets tell how the camera is held (3GPP TS 26.114 section 7.4.5), which aiortc
    knows nothing of."""
    pack = aiortc.rtp.pack_header_extensions
    aiortc.codecs.HEADER_EXTENSIONS["video"].append(RTCRtpHeaderExtensionParameters(
        id=9, uri="urn:3gpp:video-orientation"))
    # those of sound tell it, too: to nobody, since it is agreed for the picture only
    aiortc.rtp.pack_header_extensions = lambda extensions: pack(
        [*extensions, (9, bytes([orientation]))])


class Sip:
    """One INVITE dialog over TCP."""

    def __init__(self, name, uri):
        self.name, self.uri = name, uri
        self.call_id, self.tag = uuid.uuid4().hex, uuid.uuid4().hex[:8]
        self.to, self.target = f"<{uri}>", uri

    async def open(self):
        host, port = re.search(r"@([\d.]+):(\d+)", self.uri).groups()
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        self.local = "%s:%d" % self.writer.get_extra_info("sockname")

    def send(self, method, cseq, body=""):
        lines = [f"{method} {self.target} SIP/2.0",
                 f"Via: SIP/2.0/TCP {self.local};branch=z9hG4bK{uuid.uuid4().hex[:10]}",
                 f"From: <sip:{self.name}@{self.local}>;tag={self.tag}", f"To: {self.to}",
                 f"Call-ID: {self.call_id}", f"CSeq: {cseq} {method}",
                 f"Contact: <sip:{self.name}@{self.local};transport=tcp>", "Max-Forwards: 70",
                 "User-Agent: aiortc", f"Content-Length: {len(body.encode())}"]
        if body:
            lines.append("Content-Type: application/sdp")
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    async def receive(self):
        head = b""
        while not head:
            head = (await self.reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
        text = head.decode()
        length = int(re.search(r"(?im)^Content-Length:\s*(\d+)", text).group(1))
        return text, (await self.reader.readexactly(length)).decode()

    async def invite(self, offer):
        self.send("INVITE", 1, offer)
        while True:
            head, body = await self.receive()
            status = int(head.split()[1])
            if status < 200:
                continue
            self.to = re.search(r"(?im)^To:\s*(.*?)\r?$", head).group(1)
            if status == 200:
                self.target = re.search(r"(?im)^Contact:.*<(.*?)>", head).group(1)
            if offer or status != 200:
                self.send("ACK", 1)
            return status, body

    def answer(self, head):
        """200 to whatever the other side asks."""
        keep = [line for line in head.split("\r\n")
                if line.split(":")[0].lower() in ("via", "from", "to", "call-id", "cseq")]
        self.writer.write(("SIP/2.0 200 OK\r\n" + "\r\n".join(keep) +
                           "\r\nContent-Length: 0\r\n\r\n").encode())


class Peer:
    def __init__(self, args):
        self.args, self.picture, self.pc, self.sip = args, None, None, None

    async def watch(self, track):
        while True:
            try:
                self.picture = await track.recv()
            except Exception:
                return

    async def listen(self, track):
        with wave.open(self.args.record, "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(48000)
            while True:
                try:
                    frame = await track.recv()
                except Exception:
                    return
                out.writeframes(bytes(frame.planes[0])[:frame.samples * 4])

    async def serve(self):
        """Requests inside the dialog."""
        try:
            while True:
                head, _ = await self.sip.receive()
                if not head.startswith("SIP/2.0"):
                    self.sip.answer(head)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def dial(self, uri, delayed):
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))

        @self.pc.on("track")
        def on_track(track):
            asyncio.ensure_future(self.watch(track) if track.kind == "video"
                                  else self.listen(track))

        self.pc.addTrack(MediaPlayer(self.args.sound).audio)
        self.pc.addTrack(MediaPlayer(self.args.clip).video)
        if self.args.slides:
            self.pc.addTrack(MediaPlayer(self.args.slides).video)
        for t in self.pc.getTransceivers():
            name = {"video": self.args.codec, "audio": self.args.audio_codec}[t.kind]
            if name:
                t.setCodecPreferences([c for c in RTCRtpSender.getCapabilities(t.kind).codecs
                                       if c.name == name])
        self.sip = Sip(self.args.name, uri)
        await self.sip.open()
        if delayed:
            status, offer = await self.sip.invite("")
            if status != 200:
                return {"ok": False, "status": status}
            await self.pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await self.pc.setLocalDescription(await self.pc.createAnswer())
            self.sip.send("ACK", 1, self.pc.localDescription.sdp)
        else:
            await self.pc.setLocalDescription(await self.pc.createOffer())
            # it knows nothing of RFC 4796; its last line is the one of slides
            status, answer = await self.sip.invite(
                self.pc.localDescription.sdp +
                ("a=content:slides\r\n" if self.args.slides else ""))
            if status != 200:
                return {"ok": False, "status": status}
            await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        asyncio.ensure_future(self.serve())
        ports = [int(p) for p in re.findall(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+)",
                                            self.pc.localDescription.sdp)]
        return {"ok": True, "ports": ports}

    def snapshot(self, path):
        if self.picture is None:
            return {"ok": False}
        rgb = self.picture.reformat(format="rgb24")
        png = av.CodecContext.create("png", "w")
        png.width, png.height, png.pix_fmt = rgb.width, rgb.height, "rgb24"
        png.time_base = rgb.time_base
        data = b"".join(bytes(p) for p in png.encode(rgb) + png.encode(None))
        with open(path, "wb") as f:
            f.write(data)
        return {"ok": True}

    async def hangup(self):
        if self.sip:
            self.sip.send("BYE", 2)
            await asyncio.sleep(.2)
        if self.pc:
            await self.pc.close()
        return {"ok": True}


async def main():
    parser = argparse.ArgumentParser()
    for name in ("name", "clip", "sound", "record"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--codec")
    parser.add_argument("--audio-codec")
    parser.add_argument("--orientation", type=int)
    parser.add_argument("--slides")
    args = parser.parse_args()
    if args.orientation is not None:
        held(args.orientation)
    peer = Peer(args)
    loop = asyncio.get_event_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            break
        request = json.loads(line)
        try:
            if request["do"] == "dial":
                reply = await asyncio.wait_for(peer.dial(request["uri"],
                                                         request.get("delayed", False)), 15)
            elif request["do"] == "snapshot":
                reply = peer.snapshot(request["path"])
            else:
                reply = await peer.hangup()
        except Exception as error:  # told to the driver, which judges
            reply = {"ok": False, "error": repr(error)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
