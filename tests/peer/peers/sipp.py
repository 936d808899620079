# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp 3.6 as a desk phone; what it hears is taken from a capture."""
import os
import re
import subprocess
import time

from . import wirecap

HERE = os.path.dirname(os.path.abspath(__file__))


class DeskPhone:
    """A G.711 A-law phone. `lines` is the number of m-lines our offer has: the
    answer refuses all but the first."""

    def __init__(self, folder, target, number, sip_port, rtp_port, sound, lines=2,
                 address="127.0.0.1"):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.rtp_port = folder, rtp_port
        with open(HERE + "/desk-phone.xml") as f:
            text = f.read()
        text = text.replace("[$sound]", sound)
        text = text.replace("[video_line]", "m=video 0 RTP/AVP 96" if lines == 2 else "")
        scenario = folder + "/scenario.xml"
        with open(scenario, "w") as f:
            f.write(re.sub(r"\n\n\]\]>", "\n\n]]>", text))
        self.process = subprocess.Popen(
            ["sipp", target, "-sf", scenario, "-s", number, "-i", address, "-p", str(sip_port),
             "-mi", address, "-mp", str(rtp_port), "-m", "1", "-nostdin", "-trace_err",
             "-timeout", "120s"], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=open(folder + "/out", "w"), stderr=subprocess.STDOUT)

    def wav(self, capture, path):
        """What reached its RTP port, as a WAV file; True when there was sound."""
        flows = wirecap.rtp_to(capture, {self.rtp_port})
        sound = b"".join(r.payload[12:] for flow in flows.values() for r in
                         sorted(flow, key=lambda r: r.time) if r.pt == 8)
        if not sound:
            return False
        raw = path + ".al"
        with open(raw, "wb") as f:
            f.write(sound)
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "alaw", "-ar", "8000", "-ac", "1",
                        "-i", raw, path], check=True, stdin=subprocess.DEVNULL)
        os.remove(raw)
        return True

    def quit(self):
        if self.process.poll() is None:
            self.process.terminate()
            time.sleep(.2)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
