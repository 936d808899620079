# SPDX-License-Identifier: GPL-3.0-or-later
"""aiortc as a peer in a process of its own (webrtc_peer.py)."""
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


class WebRtc:
    def __init__(self, folder, name, clip, sound, codec="H264", *more):
        os.makedirs(folder, exist_ok=True)
        self.wav = folder + "/heard.wav"
        self.rtp_ports = set()
        self.process = subprocess.Popen(
            ["/usr/bin/python3", HERE + "/webrtc_peer.py", "--name", name, "--clip", clip,
             "--sound", sound, "--record", self.wav, "--codec", codec, *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=open(folder + "/stderr", "w"))

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline() or '{"ok": false}')
        except OSError:
            return {"ok": False}

    def dial(self, uri, delayed=False):
        """Delayed: without an offer, so that the bridge makes it."""
        reply = self.ask(do="dial", uri=uri.split(";")[0], delayed=delayed)
        self.rtp_ports.update(reply.get("ports", ()))
        self.error = reply.get("error")
        return reply["ok"]

    def snapshot(self, path):
        return self.ask(do="snapshot", path=path)["ok"]

    def hangup(self):
        self.ask(do="hangup")

    def recording(self):
        return [self.wav] if os.path.exists(self.wav) else []

    def quit(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
