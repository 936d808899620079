# SPDX-License-Identifier: GPL-3.0-or-later
"""linphonec 5.1 as a headless peer on a pseudo-terminal.

Its only camera here is a still picture; a thread changes the picture several
times a second, so that its counter moves."""
import os
import pty
import re
import subprocess
import threading
import time

CONFIG = """[sip]
sip_port={sip}
sip_tcp_port=-1
sip_tls_port=-1
contact="{name}" <sip:{name}@{address}>
ipv6_migration_done=1
use_ipv6=0
bind_address={address}
media_encryption={encryption}
user_certificates_path={folder}/certs
zrtp_secrets_cache={folder}/zrtp.db
[rtp]
audio_rtp_port={rtp}
video_rtp_port={video}
[sound]
remote_ring=
local_ring=
[video]
enabled={video_on}
display={video_on}
capture={video_on}
automatically_initiate=1
automatically_accept=1
show_local=0
size=vga
device=StaticImage: Static picture
"""


ACCOUNT = """[proxy_0]
reg_proxy=<{proxy}>
reg_identity="{user}" <sip:{user}@{realm}>
reg_expires=60
reg_sendregister=1
publish=0
[auth_info_0]
username={user}
userid={user}
passwd={password}
"""


class Linphone:
    def __init__(self, folder, name, sip_port, rtp_port, stills, sound, *, encryption="none",
                 address="127.0.0.1", codec="H264", answers=False, account=None, audio=None,
                 video=True):
        """`audio`: the one codec it has; None: its own choice. Without `video` it is a
        phone, and `stills` are not used."""
        self.folder, self.stills, self.sound = folder, stills, sound
        self.rtp_ports = {rtp_port, rtp_port + 1, rtp_port + 100, rtp_port + 101}
        for d in ("", "/.local/share/linphone", "/certs"):
            os.makedirs(folder + d, exist_ok=True)
        with open(folder + "/linphonerc", "w") as f:
            f.write(CONFIG.format(sip=sip_port, rtp=rtp_port, video=rtp_port + 100, name=name,
                                  folder=folder, address=address, encryption=encryption,
                                  video_on=int(video)))
            if account:   # (user, realm, password, URI of the registrar)
                f.write(ACCOUNT.format(**dict(zip(("user", "realm", "password", "proxy"),
                                                  account))))
        self.output = ""
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["linphonec", "-c", folder + "/linphonerc", *(["-V"] if video else []), "-d", "6", "-l", folder + "/log",
             *(["-a"] if answers else [])],
            stdin=slave, stdout=slave, stderr=open(folder + "/stderr", "w"), cwd=folder,
            env=dict(os.environ, HOME=folder, XDG_RUNTIME_DIR=folder))
        os.close(slave)
        self.lock = threading.Lock()
        self.moving = False
        self.mover = None
        threading.Thread(target=self._read, daemon=True).start()
        time.sleep(1.5)
        self.command("soundcard use files")
        self.command(f"record {folder}/heard.wav")
        if audio:
            self.command("codec list", 1)
            index = re.search(rf"(\d+): {audio} ", self.output).group(1)
            self.command("codec disable all", 1)
            self.command(f"codec enable {index}")
        if not video:
            return
        self.command(f"staticpic set {stills[0]}")
        self.command("staticpic fps 10")
        self.command(f"vcodec disable {0 if codec == 'H264' else 1}")

    def _read(self):
        while True:
            try:
                self.output += os.read(self.master, 4096).decode(errors="replace")
            except OSError:
                return

    def command(self, line, seconds=.4):
        with self.lock:
            os.write(self.master, (line + "\n").encode())
            time.sleep(seconds)

    def dial(self, uri, seconds=10):
        self.command(f"call {uri}")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if "connected" in self.output.lower() or "streams running" in self.output.lower():
                self.talk()
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(.1)
        return False

    def talk(self):
        """In a call: its sound is heard, and its picture moves."""
        self.command(f"play {self.sound}")
        if not self.stills:
            return
        self.moving = True
        self.mover = threading.Thread(target=self._move, daemon=True)
        self.mover.start()

    def _move(self):
        while self.moving:
            for still in self.stills:
                if not self.moving:
                    return
                self.command(f"staticpic set {still}", .25)

    def snapshot(self, path, seconds=4):
        """A PNG of the picture it receives."""
        jpeg = path + ".jpg"
        if os.path.exists(jpeg):
            os.remove(jpeg)
        self.command(f"snapshot {jpeg}", .1)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if os.path.exists(jpeg) and os.path.getsize(jpeg):
                time.sleep(.1)
                subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", jpeg, path], check=True,
                               stdin=subprocess.DEVNULL)
                os.remove(jpeg)
                return True
            time.sleep(.05)
        return False

    def hangup(self):
        self.moving = False
        if self.mover:
            self.mover.join(2)
        self.command("terminate")

    def recording(self):
        """Whole only after hangup."""
        path = self.folder + "/heard.wav"
        return [path] if os.path.exists(path) else []

    def quit(self):
        self.moving = False
        try:
            self.command("quit")
            self.process.wait(6)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.master)
