# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone in a few lines, for what no ready program lets a test do: it sends
exactly the payloads it is given, keeps every packet it receives, and can go
silent, deaf or on hold. SIP over UDP; RTP plain, muxed with RTCP.

What it sends and what it heard is coded by FFmpeg, not by the bridge's code."""
import array
import os
import random
import re
import socket
import struct
import subprocess
import threading
import time
import uuid

NTP = 2208988800


class Codec:
    def __init__(self, pt, rtpmap, rate, step, fmt, ffmpeg=None, fmtp=""):
        self.pt, self.rtpmap, self.rate, self.step = pt, rtpmap, rate, step
        self.fmt, self.ffmpeg, self.fmtp = fmt, ffmpeg, fmtp


# rate: of the RTP clock; step: of the timestamp in 20 ms; fmt: FFmpeg's raw format
CODECS = {
    "PCMU": Codec(0, "PCMU/8000", 8000, 160, "mulaw"),
    "PCMA": Codec(8, "PCMA/8000", 8000, 160, "alaw"),
    "G722": Codec(9, "G722/8000", 8000, 160, "g722"),
    "L16": Codec(98, "L16/16000", 16000, 320, "s16be"),
    "opus": Codec(111, "opus/48000/2", 48000, 960, "opus"),
}
PCM_RATE = {"PCMU": 8000, "PCMA": 8000, "G722": 16000, "L16": 16000, "opus": 48000}


def ffmpeg(*args, data=None):
    return subprocess.run(["ffmpeg", "-v", "error", "-y", *args], input=data, check=True,
                          stdout=subprocess.PIPE, **({} if data else {"stdin": subprocess.DEVNULL})
                          ).stdout


# ---- coding -----------------------------------------------------------------------------

def _ogg_packets(data):
    packets, part, at = [], b"", 0
    while at + 27 <= len(data):
        n = data[at + 26]
        sizes = data[at + 27:at + 27 + n]
        at += 27 + n
        for size in sizes:
            part += data[at:at + size]
            at += size
            if size < 255:
                packets.append(part)
                part = b""
    return packets


_CRC = []
for _i in range(256):
    _r = _i << 24
    for _ in range(8):
        _r = (_r << 1 ^ (0x04c11db7 if _r & 0x80000000 else 0)) & 0xffffffff
    _CRC.append(_r)


def _ogg_page(packet, kind, granule, seq):
    lacing = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    page = b"OggS\0" + struct.pack("<BqIIIB", kind, granule, 1, seq, 0, len(lacing)) + \
        lacing + packet
    crc = 0
    for b in page:
        crc = (crc << 8 & 0xffffffff) ^ _CRC[crc >> 24 ^ b]
    return page[:22] + struct.pack("<I", crc) + page[26:]


def encode(name, source, seconds):
    """Payloads of 20 ms of a sound that FFmpeg's aevalsrc describes, or of a WAV file."""
    rate = PCM_RATE[name]
    make = ["-t", str(seconds), "-i", source, "-ar", str(rate)] if source.endswith(".wav") else [
        "-f", "lavfi", "-i", f"aevalsrc='{source}':s={rate}:d={seconds}"]
    make += ["-ac", "1"]
    if name == "opus":
        data = ffmpeg(*make, "-c:a", "libopus", "-b:a", "64k", "-application", "audio",
                      "-frame_duration", "20", "-f", "ogg", "-")
        return _ogg_packets(data)[2:]
    data = ffmpeg(*make, "-f", CODECS[name].fmt, "-")
    size = {"L16": 640}.get(name, 160)
    return [data[i:i + size] for i in range(0, len(data) - size + 1, size)]


def decode(name, packets, rate=None):
    """Samples of received RTP packets; of a missing one nothing is made up.

    Opus is decoded by the reference decoder. FFmpeg's own one (5.1) loses 5 to 18 dB
    of a tone for seconds in hybrid packets that libopus decodes at 39 dB, also in
    those that FFmpeg has encoded itself."""
    rate = rate or PCM_RATE[name]
    packets = sorted({p.timestamp: p for p in packets}.values(),
                     key=lambda p: (p.timestamp - packets[0].timestamp) % 2 ** 32)
    if name == "opus":
        head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 0, 48000, 0, 0)
        data = _ogg_page(head, 2, 0, 0) + _ogg_page(b"OpusTags" + struct.pack("<II", 0, 0), 0, 0, 1)
        for i, p in enumerate(packets):
            data += _ogg_page(p.payload, 4 if i == len(packets) - 1 else 0, 960 * (i + 1), i + 2)
        args = ["-c:a", "libopus", "-f", "ogg"]
    else:
        data = b"".join(p.payload for p in packets)
        args = ["-f", CODECS[name].fmt, *(() if name == "G722" else
                                          ("-ar", str(PCM_RATE[name]), "-ac", "1"))]
    pcm = array.array("h")
    out = ffmpeg(*args, "-i", "-", "-ac", "1", "-ar", str(rate), "-f", "s16le", "-", data=data)
    pcm.frombytes(out[:len(out) // 2 * 2])
    return pcm


# ---- wire -------------------------------------------------------------------------------

class Packet:
    def __init__(self, at, data):
        self.at, self.pt, self.marker = at, data[1] & 127, bool(data[1] & 128)
        self.seq, self.timestamp, self.ssrc = struct.unpack_from("!HII", data, 2)
        start = 12 + 4 * (data[0] & 15)
        if data[0] & 16:
            start += 4 + 4 * struct.unpack_from("!H", data, start + 2)[0]
        self.payload = data[start:]


class Crypt:
    """SRTP of one stream, AES_CM_128_HMAC_SHA1_80, by libsrtp2 itself (pylibsrtp). The
    same all along: a key that changed on the way would show."""

    def __init__(self, ours, theirs):
        from pylibsrtp import Policy, Session
        self.tx = Session(Policy(key=ours, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
        self.rx = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND))

    def seal(self, data):
        rtcp = 192 <= data[1] <= 223
        return self.tx.protect_rtcp(data) if rtcp else self.tx.protect(data)

    def open(self, data):
        from pylibsrtp import Error
        try:
            rtcp = 192 <= data[1] <= 223
            return self.rx.unprotect_rtcp(data) if rtcp else self.rx.unprotect(data)
        except Error:
            return None


class Path:
    """A network that takes so many kbit/s and no more (what comes too fast is gone), and
    loses a part of the rest. Each way has its own."""

    def __init__(self, kbits, loss, seed=1):
        self.rate, self.loss, self.random = kbits * 125, loss, random.Random(seed)
        self.room, self.at = 0, time.monotonic()

    def passes(self, data):
        now, size = time.monotonic(), len(data) + 28
        self.room = min(self.rate / 5, self.room + (now - self.at) * self.rate)
        self.at = now
        if self.random.random() < self.loss or size > self.room:
            return False
        self.room -= size
        return True


class Media:
    """One RTP stream each way. `frames` is a list of (payload, marker) lists sent
    one entry each `interval` seconds, over and over; None: nothing. Its clock is fast
    by `ppm` millionths. `late`: how many it sent more than 10 ms late, which the machine
    is to blame for."""

    def __init__(self, address, pt, clock, step, ppm=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.socket.bind((address, 0))
        self.port = self.socket.getsockname()[1]
        self.pt, self.clock, self.step = pt, clock, step
        self.interval = step / clock / (1 + ppm / 1e6)
        self.frames, self.at, self.remote, self.reports = None, 0, None, True
        self.ssrc, self.seq = random.getrandbits(32), random.getrandbits(15)
        self.timestamp = random.getrandbits(31)
        self.received, self.rtcp = [], []
        self.sent = self.octets = self.late = 0
        self.forward = None       # gets each RTP packet that is received
        self.key_wanted = 0
        self.crypt = None         # a Crypt: SRTP
        self.refused = 0          # packets that it would not open
        self.paths = None         # (out, in), each a Path
        self.tells_loss = False   # its reports say what was lost
        self.told, self.highest, self.lost = 0, None, 0

    def put(self, data):
        """A packet, RTP or RTCP, out."""
        paths = self.paths
        if paths and not paths[0].passes(data):
            return
        if self.crypt:
            data = self.crypt.seal(data)
        self.socket.sendto(data, self.remote)

    def due(self, when):
        """What is to be sent at a time."""
        if self.frames and self.remote:
            for payload, marker in self.frames[self.at % len(self.frames)]:
                head = struct.pack("!BBHII", 0x80, self.pt | (128 if marker else 0),
                                   self.seq & 65535, self.timestamp & 0xffffffff, self.ssrc)
                self.put(head + payload)
                self.seq += 1
                self.sent += 1
                self.octets += len(payload)
            self.at += 1
            self.late += time.monotonic() - when > .01
        self.timestamp += self.step

    def _block(self):
        """What was received since the last report (RFC 3550 section 6.4.1), or nothing."""
        new, self.told = self.received[self.told:], len(self.received)
        if not new or not self.tells_loss:
            return b""
        base = new[0].seq - 1 if self.highest is None else self.highest
        ahead = {(p.seq - base) % 65536 for p in new} - set(range(32768, 65536))
        span = max(ahead, default=0)
        self.highest, self.lost = base + span, self.lost + span - len(ahead)
        fraction = min(255, 256 * (span - len(ahead)) // span) if span else 0
        return struct.pack("!IIIIII", new[-1].ssrc, fraction << 24 | self.lost & 0xffffff,
                           self.highest & 0xffffffff, 0, 0, 0)

    def report(self, wall):
        """SR (RR when nothing was sent) and a CNAME."""
        if not self.reports or not self.remote:
            return
        block = self._block()
        n, words = len(block) // 24, len(block) // 4
        if self.sent:
            data = struct.pack("!BBHIIIIII", 0x80 | n, 200, 6 + words, self.ssrc,
                               int(wall) + NTP, int(wall % 1 * 2 ** 32),
                               self.timestamp & 0xffffffff, self.sent, self.octets & 0xffffffff)
        else:
            data = struct.pack("!BBHI", 0x80 | n, 201, 1 + words, self.ssrc)
        data += block
        cname = b"\1\4same\0\0"
        data += struct.pack("!BBHI", 0x81, 202, 1 + len(cname) // 4, self.ssrc) + cname
        self.put(data)

    def send_feedback(self, kind, fmt, extra=b""):
        ssrc = self.received[-1].ssrc if self.received else 0
        self.put(struct.pack("!BBHII", 0x80 | fmt, kind, 2 + len(extra) // 4, self.ssrc, ssrc) +
                 extra)

    def read(self):
        while True:
            try:
                data = self.socket.recv(65536, socket.MSG_DONTWAIT)
            except OSError:
                return
            if len(data) < 12 or data[0] >> 6 != 2:
                continue
            paths = self.paths
            if paths and not paths[1].passes(data):
                continue
            if self.crypt:
                data = self.crypt.open(data)
                if data is None:
                    self.refused += 1
                    continue
            if 192 <= data[1] <= 223:
                self.rtcp.append((time.time(), data))
                if b"\x81\xce" in data or b"\x84\xce" in data:
                    self.key_wanted += 1
            else:
                self.received.append(Packet(time.time(), data))
                if self.forward:
                    self.forward(data)


class Phone:
    def __init__(self, name, audio="PCMU", video=False, direction="sendrecv", bridge=5060,
                 address="127.0.0.1", bridge_address="127.0.0.1", cn=False, agent=None, ppm=0):
        self.name, self.address, self.direction, self.cn = name, address, direction, cn
        self.agent, self.requests = agent, []
        # What is offered: payload types, attributes, transport
        self.video_formats = "97", [
            "a=rtpmap:97 H264/90000", "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1",
            "a=rtcp-fb:97 nack pli"], "RTP/AVPF"
        self.audio_format = "RTP/AVP", []
        self.session_lines = []   # between c= and t=
        self.codec = audio
        c = CODECS[audio]
        self.audio = Media(address, c.pt, c.rate, c.step, ppm)
        self.video = Media(address, 97, 90000, 3000, ppm) if video else None
        self.more = []            # lines behind these two
        self.bridge = (bridge_address, bridge)
        self.sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sip.bind((address, 0))
        self.sip.settimeout(.5)
        self.port = self.sip.getsockname()[1]
        self.call_id, self.tag = uuid.uuid4().hex, uuid.uuid4().hex[:8]
        self.to, self.target, self.cseq = None, None, 0
        self.status, self.ended_at, self.deaf = None, None, False
        self.answers, self.news = {}, threading.Condition()
        self.running, self.epoch = True, None
        self.answer, self.in_ack, self.together = "", "", None
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self._sip, self._media)]
        for t in self.threads:
            t.start()

    # ---- signalling

    def offer(self, direction, connection=None):
        """No direction: none is written. `connection`: the address of c=, else its own."""
        c = CODECS[self.codec]
        proto, described = self.audio_format
        way = [f"a={direction}"] if direction else []
        lines = ["v=0", f"o={self.name} 1 {self.cseq + 1} IN IP4 {self.address}", "s=-",
                 f"c=IN IP4 {connection or self.address}", *self.session_lines, "t=0 0",
                 f"m=audio {self.audio.port} {proto} {c.pt}{' 13' * self.cn}",
                 f"a=rtpmap:{c.pt} {c.rtpmap}", *described, "a=rtcp-mux", "a=ptime:20", *way]
        if self.video:
            formats, described, proto = self.video_formats
            lines += [f"m=video {self.video.port} {proto} {formats}", *described, "a=rtcp-mux",
                      *way]
        for line in self.more:
            lines += line.described()
        return "\r\n".join(lines) + "\r\n"

    def medias(self):
        """What may flow, in the order of the lines; None: nothing does."""
        return [self.audio, *([self.video] if self.video else []), *(m.media for m in self.more)]

    def _send(self, method, cseq, body="", branch=None, kind="application/sdp"):
        lines = [f"{method} {self.target} SIP/2.0",
                 f"Via: SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK"
                 f"{branch or uuid.uuid4().hex[:12]};rport",
                 f"From: <sip:{self.name}@{self.address}>;tag={self.tag}", f"To: {self.to}",
                 f"Call-ID: {self.call_id}", f"CSeq: {cseq} {method}",
                 f"Contact: <sip:{self.name}@{self.address}:{self.port}>", "Max-Forwards: 70",
                 f"Content-Length: {len(body)}"]
        if self.agent:
            lines += [f"User-Agent: {self.agent}", "Allow: INVITE, ACK, BYE, CANCEL, INFO"]
        if body:
            lines.append(f"Content-Type: {kind}")
        self.sip.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self.bridge)

    def _request(self, method, body="", seconds=8, kind="application/sdp"):
        self.cseq += 1
        key, branch = (self.cseq, method), uuid.uuid4().hex[:12]
        end, wait = time.monotonic() + seconds, .5
        while time.monotonic() < end:
            self._send(method, self.cseq, body, branch, kind)
            with self.news:
                if self.news.wait_for(lambda: key in self.answers, wait):
                    return self.answers[key]
            wait = min(4, wait * 2)
        return None

    def call(self, number):
        """True when it was answered with 200; its media begins to flow."""
        self.target = f"sip:{number}@{self.bridge[0]}:{self.bridge[1]}"
        self.to = f"<{self.target}>"
        answer = self._request("INVITE", self.offer(self.direction))
        if not answer:
            return False
        self.status = int(answer.split()[1])
        if self.status != 200:
            return False
        self._use_answer(answer)
        return True

    def _use_answer(self, answer):
        self.answer = answer.split("\r\n\r\n", 1)[1]
        host = re.search(r"c=IN IP4 (\S+)", self.answer)
        for media, port in zip(self.medias(), re.findall(r"(?m)^m=\S+ (\d+)", self.answer)):
            if media:
                media.remote = (host.group(1), int(port)) if int(port) else None

    def hold(self, direction, connection=None):
        return self._again(self.offer(direction, connection))

    def ask_offer(self):
        """A re-INVITE without SDP; its answer goes with the ACK."""
        self.in_ack = self.offer("sendrecv")
        try:
            return self._again("")
        finally:
            self.in_ack = ""

    def _again(self, body):
        answer = self._request("INVITE", body)
        if not answer or not answer.startswith("SIP/2.0 200"):
            return False
        self._use_answer(answer)
        return True

    def reinvite(self):
        """Offers what its lines are now, and uses the answer."""
        return self._again(self.offer(self.direction))

    def info_key(self, key):
        """A key by INFO (dtmf-relay); True when that was taken."""
        answer = self._request("INFO", f"Signal={key}\r\nDuration=160\r\n",
                               kind="application/dtmf-relay")
        return bool(answer) and answer.startswith("SIP/2.0 200")

    def hangup(self):
        if not self.running: # it has hung up
            return
        if self.status == 200 and not self.ended_at:
            self._request("BYE", seconds=3)
        self.close()

    def _header(self, text, name):
        m = re.search(rf"(?im)^{name}\s*:\s*(.*?)\r$", text)
        return m.group(1) if m else ""

    def _on_message(self, text):
        cseq = self._header(text, "CSeq").split()
        if text.startswith("SIP/2.0"):
            status = int(text.split()[1])
            if status < 200:
                return
            if cseq[1] == "INVITE":
                self.to = self._header(text, "To")
                contact = re.search(r"<([^>]+)>", self._header(text, "Contact"))
                if contact and status == 200:
                    self.target = contact.group(1)
                self._send("ACK", int(cseq[0]), self.in_ack if status == 200 else "")
            with self.news:
                self.answers[int(cseq[0]), cseq[1]] = text
                self.news.notify_all()
            return
        if self.deaf or text.startswith("ACK"):
            return
        self.requests.append(text)
        if text.startswith("BYE"):
            self.ended_at = self.ended_at or time.monotonic()
        lines = ["SIP/2.0 200 OK"] + re.findall(r"(?im)^via\s*:.*?(?=\r$)", text)
        lines += [f"{h}: {self._header(text, h)}" for h in ("From", "To", "Call-ID", "CSeq")]
        self.sip.sendto(("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode(),
                        self.bridge)

    def _sip(self):
        while self.running:
            try:
                data = self.sip.recv(65536)
            except OSError:
                continue
            if data.strip():
                self._on_message(data.decode(errors="replace"))

    # ---- media

    def _media(self):
        """Both streams on one absolute clock: their timestamps belong together. On time
        also on a busy machine, where that may be had."""
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        except OSError:
            pass
        self.epoch, wall = time.monotonic(), time.time()
        ticks, report = {}, 0
        while self.running:
            now = time.monotonic() - self.epoch
            all_media = [m for m in self.medias() if m]
            for m in all_media:
                if m not in ticks:
                    ticks[m] = int(now / m.interval)
            if self.together and ticks[self.audio] % 5 == 0 and ticks[self.video] % 3 == 0:
                # 20 ms and 33.3 ms meet every 100 ms
                self.audio.frames, self.together = self.together, None
                self.audio.at = self.video.at = 0
            for m in all_media:
                m.read()
                while ticks[m] * m.interval <= now:
                    m.due(self.epoch + ticks[m] * m.interval)
                    ticks[m] += 1
            if now >= report:
                report = now + 1
                for m in all_media:
                    # the timestamp is that of the next tick
                    m.report(wall + ticks[m] * m.interval)
            time.sleep(max(.001, min(min(ticks[m] * m.interval for m in all_media) - now, .01)))

    def play(self, payloads):
        """What the audio stream sends from now on, in a loop; [] for nothing."""
        self.audio.at = 0
        self.audio.frames = [[(p, False)] for p in payloads] or None

    def begin_together(self, payloads):
        """Sound and picture both begin their loops at one instant of the common clock,
        within a few milliseconds."""
        self.together = [[(p, False)] for p in payloads]

    def comfort_noise(self):
        """Falls quiet with comfort noise (RFC 3389): one packet, then nothing."""
        m = self.audio
        m.frames = None
        time.sleep(.05)
        m.socket.sendto(struct.pack("!BBHIIB", 0x80, 13, m.seq & 65535, m.timestamp & 0xffffffff,
                                    m.ssrc, 70), m.remote)
        m.seq += 1

    def silent(self):
        """Sends neither RTP nor RTCP from now on."""
        for m in (self.audio, self.video):
            if m:
                m.frames, m.reports = None, False

    def heard(self, since=0):
        """Audio packets received from a time on, without comfort noise."""
        c = CODECS[self.codec]
        return [p for p in list(self.audio.received) if p.pt == c.pt and p.at >= since]

    def close(self):
        self.running = False
        for t in self.threads:
            t.join(2)
        for s in [self.sip] + [m.socket for m in self.medias() if m]:
            s.close()
