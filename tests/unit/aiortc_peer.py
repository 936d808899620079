#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# A WebRTC end by aiortc: full ICE, DTLS, BUNDLE. Offers sound and a moving
# picture, prints the offer, reads the answer, and counts what comes back.
import asyncio
import sys

import aioice.ice
import aiortc.codecs
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
# aiortc gives one extension id to two URIs when it offers both kinds.
for extension in aiortc.codecs.HEADER_EXTENSIONS["video"]:
    if "abs-send-time" in extension.uri:
        extension.id = 3

got = {"audio": 0, "video": 0}


async def count(track):
    try:
        while True:
            await track.recv()
            got[track.kind] += 1
            print(f"got {track.kind} {got[track.kind]}", flush=True)
    except MediaStreamError:
        pass


def read_answer():
    lines = []
    for line in sys.stdin:
        if line.strip() == ".":
            break
        lines.append(line.strip())
    return "\r\n".join(lines) + "\r\n"


async def main():
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTrack(AudioStreamTrack())
    pc.addTrack(VideoStreamTrack())

    @pc.on("track")
    def on_track(track):
        asyncio.ensure_future(count(track))

    @pc.on("connectionstatechange")
    def on_state():
        print("state", pc.connectionState, flush=True)

    await pc.setLocalDescription(await pc.createOffer())
    print(pc.localDescription.sdp.replace("\r", ""))
    print("offer done", flush=True)
    sdp = await asyncio.get_running_loop().run_in_executor(None, read_answer)
    await pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
    for _ in range(150):
        await asyncio.sleep(0.1)
        if got["audio"] >= 100 and got["video"] >= 60:
            break
    await pc.close()
    print("done", flush=True)


asyncio.run(main())
