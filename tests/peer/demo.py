#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: balaid and five independent endpoints in one conference, and then
three old ones (an H.263 room, an H.261 room, a G.729 phone) in another with a new one and
with a phone that calls somebody else through a proxy and is transferred in by them.

Run by scripts/demo inside a network namespace of its own. For each endpoint it
leaves three pictures a second apart, what it heard, and DIR/result.json, which
is computed from those files and a capture of the wire alone.
"""
import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
from datetime import datetime, timezone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import hear, media, see, wirecap  # noqa: E402
from peers.baresip import Baresip  # noqa: E402
from peers.bridge import Bridge  # noqa: E402
from peers.kamailio import PASSWORD, Kamailio, numbers_to  # noqa: E402
from peers.linphone import Linphone  # noqa: E402
from peers.room import Room, old_clip  # noqa: E402
from peers.sipp import DeskPhone  # noqa: E402
from peers.system import wait_until  # noqa: E402
from peers.webrtc import WebRtc  # noqa: E402

NUMBER, OLD_NUMBER = "2001", "2002"
OWN_TONE_LIMIT_DB = -40


class Endpoint:
    """One client of the demonstration and what is expected of it."""

    def __init__(self, k, name, program, peer, ports, video=True):
        self.k, self.name, self.program, self.peer = k, name, program, peer
        self.ports, self.video = ports, video
        self.joined = False
        self.answered_at = None
        self.pictures = []
        self.wav = None
        self.problems = []


class Transferred(Baresip):
    """A phone of an exchange, which is Kamailio: it calls the attendant there, who
    transfers it to the conference. Every request between the three and the bridge goes
    by Kamailio, which asks each phone for its password."""

    def __init__(self, work, k, name, bridge, clip, sound):
        hop = bridge.uri("2000").replace("2000@", "")
        self.exchange = Kamailio(work + "/exchange", phone="127.0.0.1",
                                 routes=numbers_to("^2[0-9]{3}$", hop))
        try:
            self.attendant = Baresip(work + "/attendant", "attendant", 5290, 10900, 4409, clip,
                                     sound, video=(), account=self._account(
                                         "attendant", "answermode=auto"))
            super().__init__(f"{work}/{name}", name, 5200 + 10 * k, 10000 + 100 * k, 4400 + k, clip,
                             sound, account=self._account(
                                 name, "audio_codecs=G722/16000/1;video_codecs=H264"))
        except RuntimeError:
            self.exchange.stop()
            raise

    def _account(self, name, more):
        return (f'regint=60;outbound="sip:{self.exchange.address}:5060";auth_user={name};'
                f'auth_pass="{PASSWORD}";{more}')

    def dial(self, uri, seconds=10):
        names = "registered attendant", "registered " + self.name
        if not wait_until(lambda: all(n in self.exchange.log() for n in names), seconds) or \
           not super().dial("sip:attendant@pbx.test", seconds):
            return False
        time.sleep(2)  # they talk
        self.events.clear()
        number = re.search(r"sip:(\d+)@", uri).group(1)
        self.attendant.command("transfer", f"sip:{number}@pbx.test")
        return wait_until(lambda: any(e.get("type") == "CALL_ESTABLISHED" for e in self.events),
                          seconds) and self._by_exchange(number)

    def _by_exchange(self, number):
        log = self.exchange.log()
        return "in dialog REFER" in log and f"relayed INVITE {number} from {self.name}" in log

    def quit(self):
        super().quit()
        self.attendant.quit()
        self.exchange.stop()


def png_size(path):
    with open(path, "rb") as f:
        head = f.read(24)
    return struct.unpack(">II", head[16:24])


def make_certificate(path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=demo", "-keyout", path + ".key", "-out", path + ".crt"],
                   check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(path, "w") as out:
        for part in (".key", ".crt"):
            with open(path + part) as f:
                out.write(f.read())
    return path


def start_endpoints(work, bridge):
    """Four endpoints, started and not yet dialling: H.264 + Opus over DTLS-SRTP,
    VP8 + G.722 over SDES, H.264 mode 0 + PCMA over TLS, a WebRTC stack (ICE, BUNDLE)."""
    clips = work + "/media"
    cert = make_certificate(work + "/tls.pem")
    plain, tls = bridge.uri(NUMBER), bridge.uri(NUMBER, "tls")

    def baresip(k, name, **more):
        return Baresip(f"{work}/{name}", name, 5200 + 10 * k, 10000 + 100 * k, 4400 + k,
                       media.clip(k, f"{clips}/c{k}.mp4"),
                       media.sound(k, f"{clips}/t{k}.wav"), certificate=cert, **more)

    endpoints = []
    dtls = baresip(0, "dtls", account="audio_codecs=opus/48000/2;video_codecs=H264;"
                   "mediaenc=dtls_srtp")
    endpoints.append((Endpoint(0, "dtls", "baresip", dtls, dtls.rtp_ports), plain))
    sdes = baresip(1, "sdes", account="audio_codecs=G722/16000/1;video_codecs=VP8;"
                   "mediaenc=srtp-mand", video=("vp8",))
    endpoints.append((Endpoint(1, "sdes", "baresip", sdes, sdes.rtp_ports), plain))
    secure = baresip(2, "tls", account="audio_codecs=PCMA/8000/1;video_codecs=H264;"
                     "mediaenc=srtp-mand", transport="tls")
    endpoints.append((Endpoint(2, "tls", "baresip", secure, secure.rtp_ports), tls))
    webrtc = WebRtc(work + "/webrtc", "webrtc", media.clip(3, clips + "/c3.mp4"),
                    media.sound(3, clips + "/t3.wav"))
    endpoints.append((Endpoint(3, "webrtc", "aiortc", webrtc, webrtc.rtp_ports),
                      bridge.uri(NUMBER, "tcp", "10.9.9.1")))
    return endpoints


def start_desk_phone(work, bridge):
    sound = media.sound(4, work + "/media/t4.al", 8000, codec="pcm_alaw")
    target = bridge.uri(NUMBER).split("@")[1]
    desk = DeskPhone(work + "/desk", target, NUMBER, 5500, 12000, sound)
    return Endpoint(4, "desk", "SIPp", desk, {12000}, video=False)


def start_old_endpoints(work, bridge):
    """Three endpoints that know nothing newer than H.263, H.261 and G.729, a new one and
    one that will be transferred in, started and not yet dialling."""
    clips, target, endpoints = work + "/media", bridge.uri(OLD_NUMBER), []

    def baresip(k, name, clip, **more):
        return Baresip(f"{work}/{name}", name, 5200 + 10 * k, 10000 + 100 * k, 4400 + k, clip,
                       media.sound(k, f"{clips}/t{k}.wav"), **more)

    new = baresip(0, "new", media.clip(0, clips + "/c0.mp4"),
                  account="audio_codecs=opus/48000/2;video_codecs=H264")
    endpoints.append((Endpoint(0, "new", "baresip", new, new.rtp_ports), target))
    # The phone's tone is far from the others': the noise of G.729 is beside what it codes.
    h263 = baresip(1, "h263", old_clip(1, clips), size="352x288", fps=15,
                   account="video_codecs=H263;audio_codecs=PCMA/8000/1")
    endpoints.append((Endpoint(1, "h263", "baresip", h263, h263.rtp_ports), target))
    h261 = Room(work + "/h261", "h261", "H261", old_clip(2, clips), audio="PCMU",
                sound=media.sound(2, clips + "/t2.wav"))
    endpoints.append((Endpoint(2, "h261", "GStreamer", h261, h261.rtp_ports), target))
    phone = Linphone(work + "/g729", "g729", 5270, 10700, [], media.sound(7, clips + "/t7.wav"),
                     audio="G729", video=False)
    endpoints.append((Endpoint(7, "g729", "linphone", phone, phone.rtp_ports, video=False), target))
    moved = Transferred(work, 3, "transferred", bridge, media.clip(3, clips + "/c3.mp4"),
                        media.sound(3, clips + "/t3.wav"))
    endpoints.append((Endpoint(3, "transferred", "baresip", moved, moved.rtp_ports), target))
    return endpoints


def wait_for_participants(bridge, number, count, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rows = bridge.balai("participants", "--conference", number)
        if len(rows) >= count:
            return rows
        time.sleep(.2)
    return bridge.balai("participants")


def take_pictures(endpoints, out):
    """Three pictures a second apart, of all at about the same time."""
    for n in (1, 2, 3):
        begun = time.monotonic()
        for e in endpoints:
            path = f"{out}/{e.name}-{n}.png"
            if e.video and e.joined and e.peer.snapshot(path):
                e.pictures.append(path)
        time.sleep(max(0, 1 - (time.monotonic() - begun)))


def collect_sound(endpoints, out, capture):
    for e in endpoints:
        path = f"{out}/{e.name}.wav"
        if isinstance(e.peer, DeskPhone):
            e.wav = path if e.peer.wav(capture, path) else None
            continue
        files = e.peer.recording()
        if files:
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", files[-1], "-ac", "1", path],
                           check=True, stdin=subprocess.DEVNULL)
            e.wav = path


def connected_at(bridge_log, call):
    """When the ACK of a call reached the bridge, by its log: seconds since 1970."""
    m = re.search(r"^(\S+)Z info call connected call=" + re.escape(call), bridge_log, re.M)
    if not m:
        return None
    return datetime.fromisoformat(m.group(1)).replace(tzinfo=timezone.utc).timestamp()


def first_picture_ms(flow, ack):
    """From the ACK to the last packet of the first frame, which is a key frame."""
    ends = [r.time for r in flow if r.marker]
    return round(max(0.0, (ends[0] - ack) * 1000)) if ends and ack else None


def saw(e):
    """Clients whose tile is in every picture, with a counter that moves on."""
    if len(e.pictures) < 3:
        return []
    seen = [{t.client: t.counter for t in see.tiles(p)} for p in e.pictures]
    return [k for k in seen[0] if all(k in s for s in seen) and
            all((b[k] - a[k]) % 256 in range(1, 64) for a, b in zip(seen, seen[1:]))]


def judge(e, everyone, row, capture, bridge_log):
    """The endpoint's entry of result.json."""
    names = {x.k: x.name for x in everyone}
    entry = {"name": e.name, "program": e.program, "encryption": None, "audio_codec": None,
             "video_codec": None, "width": None, "height": None, "fps": None, "saw": [],
             "heard": [], "own_tone_db": None, "first_picture_ms": None}
    if row is None:
        e.problems.append("did not get in")
        return entry
    entry.update(encryption=row["encryption"], audio_codec=row["audio"],
                 video_codec=row["video"] if e.video else None)
    others = sorted(x.k for x in everyone if x is not e)
    if e.wav:
        levels = hear.levels(e.wav, 2.0, 6.0)
        entry["heard"] = [names[k] for k in others if levels[k] > -32]
        entry["own_tone_db"] = round(levels[e.k] - min(levels[k] for k in others), 1)
        if entry["own_tone_db"] > OWN_TONE_LIMIT_DB:
            e.problems.append("hears itself")
    if sorted(entry["heard"]) != sorted(names[k] for k in others):
        e.problems.append("does not hear everybody")
    if not e.video:
        return entry
    flow = wirecap.video_flow(capture, e.ports)
    entry["fps"] = round(wirecap.frame_rate(flow), 1)
    entry["first_picture_ms"] = first_picture_ms(flow, connected_at(bridge_log, row["call"]))
    if e.pictures:
        entry["width"], entry["height"] = png_size(e.pictures[-1])
    visible = [x.k for x in everyone if x.video and x is not e]
    entry["saw"] = [names[k] for k in sorted(saw(e)) if k in names]
    if sorted(entry["saw"]) != sorted(names[k] for k in visible):
        e.problems.append("does not see just the others, moving")
    return entry


class Meeting:
    """Endpoints in a conference, and what is left of them when it is over."""

    def __init__(self, number, out, work):
        self.number, self.out, self.work = number, out, work
        self.capture_path = f"{work}/wire-{number}.pcap"
        self.endpoints, self.rows = [], []

    def hold(self, bridge, start, desk=None):
        """Everybody comes, looks and listens, and goes."""
        capture = None
        try:
            starts = start(self.work, bridge)
            self.endpoints = [e for e, _ in starts]
            capture = wirecap.Capture(self.capture_path)
            if desk:
                self.endpoints.append(desk(self.work, bridge))
            for e, uri in starts:
                e.joined = e.peer.dial(uri)
            rows = wait_for_participants(bridge, self.number, len(self.endpoints))
            for e in self.endpoints[len(starts):]:
                e.joined = any(r["uri"].startswith(e.name + "@") for r in rows)
            time.sleep(4)
            take_pictures(self.endpoints, self.out)
            time.sleep(3)
            self.rows = bridge.balai("participants", "--conference", self.number, "--streams")
            for what, value in (("participants", self.rows), ("stats", bridge.balai("stats"))):
                with open(f"{self.work}/{what}-{self.number}.json", "w") as f:
                    json.dump(value, f, indent=2)
        finally:
            for e in self.endpoints:
                if hasattr(e.peer, "hangup"):
                    e.peer.hangup()
            time.sleep(.5)
            if capture:
                capture.stop()
            for e in self.endpoints:
                e.peer.quit()
        collect_sound(self.endpoints, self.out, self.capture_path)


def run(build, out):
    work = out + "/work"
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work + "/media")
    meetings = [Meeting(NUMBER, out, work), Meeting(OLD_NUMBER, out, work)]
    bridge = Bridge(build, work + "/bridge")
    try:
        meetings[0].hold(bridge, start_endpoints, start_desk_phone)
        meetings[1].hold(bridge, start_old_endpoints)
    finally:
        status = bridge.stop()
    return finish(meetings, out, status, bridge.log())


def finish(meetings, out, status, bridge_log):
    entries, problems = [], []
    for m in meetings:
        for e in m.endpoints:
            row = next((r for r in m.rows if r["uri"].startswith(e.name + "@")), None)
            entries.append(judge(e, m.endpoints, row, m.capture_path, bridge_log))
            problems += [f"{e.name}: {p}" for p in e.problems]
    if status != 0:
        problems.append(f"balaid ended with {status}")
    result = {"passed": not problems and len(entries) >= 10, "endpoints": entries}
    with open(out + "/result.json", "w") as f:
        json.dump(result, f, indent=2)
    for entry in entries:
        print("{name:10} {program:9} {encryption!s:26} {audio_codec!s:6} {video_codec!s:6} "
              "{width!s:>5}x{height!s:<5} {fps!s:>5} fps  saw {saw}  heard {heard}  own "
              "{own_tone_db} dB  first picture {first_picture_ms} ms".format(**entry))
    for p in problems:
        print("problem:", p)
    print("result:", out + "/result.json", "passed" if result["passed"] else "FAILED")
    return 0 if result["passed"] else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="folder with balaid and balai")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    sys.exit(run(os.path.abspath(args.build), os.path.abspath(args.out)))


if __name__ == "__main__":
    main()
