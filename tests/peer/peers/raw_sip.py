# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP requests byte for byte over UDP, with the digest of RFC 7616 by Python's
own hashes: for what no telephone would do, such as using a nonce twice."""
import hashlib
import re
import socket
import threading
import uuid

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def digest(algorithm, *parts):
    return hashlib.new(HASHES[algorithm], ":".join(parts).encode()).hexdigest()


def challenges(reply):
    """The challenges of a response, as dictionaries, in their order."""
    found = []
    for line in reply.splitlines():
        m = re.match(r"(?:WWW|Proxy)-Authenticate:\s*Digest\s+(.*)", line, re.I)
        if m:
            found.append({k.lower(): q or p for k, q, p in
                          re.findall(r'([\w-]+)=(?:"([^"]*)"|([^\s,]+))', m[1])})
    return found


def credentials(challenge, user, password, method, uri, nc=1, cnonce="c0ffee"):
    algorithm = challenge.get("algorithm", "MD5")
    ha1 = digest(algorithm, user, challenge["realm"], password)
    ha2 = digest(algorithm, method, uri)
    count = f"{nc:08x}"
    response = digest(algorithm, ha1, challenge["nonce"], count, cnonce, "auth", ha2)
    return (f'Digest username="{user}", realm="{challenge["realm"]}", '
            f'nonce="{challenge["nonce"]}", uri="{uri}", response="{response}", '
            f'algorithm={algorithm}, qop=auth, nc={count}, cnonce="{cnonce}"')


class RawPhone:
    """One user agent at an address of its own."""

    def __init__(self, address="127.0.0.9", server=("127.0.0.1", 5060)):
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.settimeout(5)
        self.address, self.port = self.socket.getsockname()
        self.call_id, self.cseq = uuid.uuid4().hex, 0

    def ask(self, user, *headers, realm="balai.test", method="REGISTER"):
        """One request; the final response as text."""
        self.cseq += 1
        lines = [f"{method} sip:{realm} SIP/2.0",
                 f"Via: SIP/2.0/UDP {self.address}:{self.port};rport;"
                 f"branch=z9hG4bK{uuid.uuid4().hex}",
                 f"From: <sip:{user}@{realm}>;tag=1", f"To: <sip:{user}@{realm}>",
                 f"Call-ID: {self.call_id}", f"CSeq: {self.cseq} {method}", "Max-Forwards: 70",
                 *headers, "Content-Length: 0", "", ""]
        self.socket.sendto("\r\n".join(lines).encode(), self.server)
        while True:
            reply = self.socket.recv(65536).decode()
            if not reply.startswith("SIP/2.0 1"):
                return reply

    def contact(self, expires=None):
        return (f"Contact: <sip:raw@{self.address}:{self.port}>" +
                ("" if expires is None else f";expires={expires}"))

    def register(self, user, password, *headers, account=None, nc=1, challenge=None):
        """Asks, answers the first challenge, and gives the second response, with
        what was answered."""
        if challenge is None:
            challenge = challenges(self.ask(account or user, *headers))[0]
        answer = credentials(challenge, user, password, "REGISTER", "sip:balai.test", nc)
        return self.ask(account or user, "Authorization: " + answer, *headers), answer

    def close(self):
        self.socket.close()


class Answering:
    """A host that answers each request but ACK with the same status, or with that
    of its method."""

    def __init__(self, address, port=5060, status="503 Service Unavailable"):
        self.status, self.of_method, self.seen = status, {}, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(65536)
            except OSError:
                return
            text = data.decode(errors="replace")
            if text.startswith("SIP/2.0") or text.startswith("ACK"):
                continue
            method = text.split(" ", 1)[0]
            self.seen.append(method)
            kept = [line for line in text.split("\r\n\r\n")[0].split("\r\n")[1:]
                    if re.match(r"(Via|From|Call-ID|CSeq):", line, re.I)]
            to = re.search(r"^To:.*$", text, re.M)[0].strip() + ";tag=x"
            self.socket.sendto("\r\n".join([f"SIP/2.0 {self.of_method.get(method, self.status)}",
                                            *kept, to,
                                            "Content-Length: 0", "", ""]).encode(), peer)

    def close(self):
        self.socket.close()
