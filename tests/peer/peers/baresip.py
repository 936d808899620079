# SPDX-License-Identifier: GPL-3.0-or-later
"""baresip 1.0 as a headless peer, driven over its ctrl_tcp socket."""
import glob
import json
import os
import socket
import subprocess
import threading
import time

MODULES = ("opus", "g722", "g711", "aufile", "ausine", "sndfile")
AFTER = ("avformat", "fakevideo", "snapshot", "ice", "srtp", "dtls_srtp")


class Baresip:
    """One client in a folder of its own. Ports: SIP sip_port (TLS one above),
    RTP from rtp_port on, control control_port."""

    def __init__(self, folder, name, sip_port, rtp_port, control_port, clip, sound, *,
                 account="", transport="", video=("avcodec",), address="127.0.0.1",
                 size="640x360", fps=30, certificate=None, display=""):
        self.folder, self.name = folder, name
        self.rtp_ports = range(rtp_port, rtp_port + 20)
        os.makedirs(folder + "/rec", exist_ok=True)
        lines = [
            f"sip_listen {address}:{sip_port}", f"net_interface {address}", "call_max_calls 4",
            f"audio_source aufile,{sound}", "audio_player aubridge,nil",
            "audio_alert aubridge,nil", "ausrc_srate 48000", "auplay_srate 48000",
            "ausrc_channels 1", "auplay_channels 1", f"video_source avformat,{clip}",
            "video_display fakevideo,nil", f"video_size {size}", "video_bitrate 768000",
            f"video_fps {fps}", "videnc_format yuv420p",
            f"rtp_ports {rtp_port}-{rtp_port + 19}", "rtcp_mux no", "jitter_buffer_delay 2-10",
            "module_path /usr/lib/baresip/modules"]
        if certificate:
            lines.append(f"sip_certificate {certificate}")
        lines += [f"module {m}.so" for m in MODULES + tuple(video) + AFTER]
        lines += ["module_tmp uuid.so", "module_tmp account.so", "module_app menu.so",
                  "module_app debug_cmd.so", "module_app ctrl_tcp.so",
                  f"ctrl_tcp_listen {address}:{control_port}", f"snd_path {folder}/rec",
                  "ringback_disabled yes", "statmode_default off"]
        with open(folder + "/config", "w") as f:
            f.write("\n".join(lines) + "\n")
        uri = f"sip:{name}@{address}" + (f";transport={transport}" if transport else "")
        with open(folder + "/accounts", "w") as f:
            f.write((f'"{display}" ' if display else "") + f"<{uri}>" +
                    ("" if "regint=" in account else ";regint=0") +
                    (";" + account if account else "") + "\n")
        self.log_path = folder + "/log"
        self.process = subprocess.Popen(["baresip", "-4", "-v", "-f", folder],
                                        stdin=subprocess.DEVNULL, stdout=open(self.log_path, "w"),
                                        stderr=subprocess.STDOUT)
        self.events, self.answers, self.token = [], {}, 0
        self.news = threading.Condition()
        self.socket = self._connect(address, control_port)
        threading.Thread(target=self._read, daemon=True).start()

    def _connect(self, address, port):
        for _ in range(200):
            try:
                return socket.create_connection((address, port))
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(.05)
        raise RuntimeError(f"baresip {self.name} did not start: {self.log()[-500:]}")

    def _read(self):
        buffer = b""
        while True:
            try:
                chunk = self.socket.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            buffer += chunk
            while b":" in buffer:
                length, rest = buffer.split(b":", 1)
                if len(rest) <= int(length):
                    break
                message = json.loads(rest[:int(length)])
                buffer = rest[int(length) + 1:]
                with self.news:
                    if message.get("response"):
                        self.answers[message.get("token")] = message
                    else:
                        self.events.append(message)
                    self.news.notify_all()

    def command(self, name, params=None, seconds=5):
        self.token += 1
        token = str(self.token)
        request = {"command": name, "token": token}
        if params is not None:
            request["params"] = params
        text = json.dumps(request).encode()
        self.socket.sendall(b"%d:%s," % (len(text), text))
        with self.news:
            if not self.news.wait_for(lambda: token in self.answers, seconds):
                return None
            return self.answers.pop(token)

    def wait(self, kind, seconds=10):
        """The first event of a kind, or CALL_CLOSED when that comes instead."""
        def found():
            return next((e for e in self.events if e.get("type") in (kind, "CALL_CLOSED")), None)
        with self.news:
            self.news.wait_for(found, seconds)
            return found()

    def dial(self, uri, seconds=10):
        self.events.clear()
        self.command("dial", uri)
        event = self.wait("CALL_ESTABLISHED", seconds)
        return bool(event) and event["type"] == "CALL_ESTABLISHED"

    def hangup(self):
        self.command("hangup")

    def snapshot(self, path, seconds=4):
        """A PNG of the picture it receives."""
        if os.path.exists(path):
            os.remove(path)
        self.command("snapshot_recv", path)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if os.path.exists(path):
                with open(path, "rb") as f:
                    if f.read()[-8:-4] == b"IEND":
                        return True
            time.sleep(.03)
        return False

    def recording(self):
        """What it heard so far, as WAV files."""
        return sorted(glob.glob(self.folder + "/rec/dump-*dec.wav"))

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def quit(self):
        self.socket.close()
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
