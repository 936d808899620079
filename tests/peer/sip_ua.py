#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SIP user agent against SIPp, and against a few lines of Python where SIPp
cannot go (TLS, fragments on TCP, bytes that are no SIP).

    sip_ua.py [--host PROGRAM] [NAME ...]

PROGRAM is tests/flow/ua_host in $BALAI_BUILD, or in build/. Everything is on 127.0.0.1 (and ::1), on ports
the system chooses. Exit code 77 (skipped) without SIPp."""

import argparse
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
T1 = 100  # ms


class Failed(Exception):
    pass


class Host:
    """The program under test."""

    def __init__(self, program, *args):
        self.told = False
        self.lines = []
        self.seen = 0
        self.cond = threading.Condition()
        self.p = subprocess.Popen(
            [program, '--t1', str(T1), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, bufsize=1, errors='replace')
        self.errors = []
        self.readers = [threading.Thread(target=self._read, args=a, daemon=True) for a in
                        ((self.p.stdout, self.lines), (self.p.stderr, self.errors))]
        for r in self.readers:
            r.start()
        self.expect('ready')
        self.port = {m[1]: int(m[2]) for m in
                     (re.match(r'port (\w+) (\d+)', l) for l in self.lines) if m}

    def _read(self, f, into):
        for line in f:
            with self.cond:
                into.append(line.rstrip('\n'))
                self.cond.notify_all()

    def command(self, text):
        self.p.stdin.write(text + '\n')
        self.p.stdin.flush()

    def expect(self, pattern, timeout=30):
        """The next line that matches; lines before it are passed over."""
        end = time.monotonic() + timeout
        with self.cond:
            while True:
                while self.seen < len(self.lines):
                    line = self.lines[self.seen]
                    self.seen += 1
                    if re.fullmatch(pattern, line):
                        return line
                left = end - time.monotonic()
                if left <= 0 or self.p.poll() is not None:
                    raise Failed('no line "%s" from the host; last: %r; errors: %s' % (
                        pattern, self.lines[-12:], '\n'.join(self.errors[-30:])))
                self.cond.wait(min(left, 0.5))

    def mark(self):
        with self.cond:
            self.seen = len(self.lines)

    def empty(self, timeout=30):
        """Until nothing is left of any call."""
        end = time.monotonic() + timeout
        while True:
            self.command('stats')
            if 'dialogs=0 calls=0' in self.expect(r'stats .*'):
                return
            if time.monotonic() > end:
                raise Failed('dialogs are left over: ' + self.lines[-1])
            time.sleep(0.2)

    def stop(self):
        self.command('quit')
        try:
            code = self.p.wait(30)
        except subprocess.TimeoutExpired:
            self.p.kill()
            raise Failed('the host does not end')
        for r in self.readers:
            r.join(30)
        if code:
            raise Failed('the host ended with %d: %s' % (code, '\n'.join(self.errors[-40:])))
        m = re.match(r'stopped offered=(\d+) connected=\d+ ended=(\d+)', self.lines[-1])
        if not m:
            raise Failed('no last line: %r' % self.lines[-3:])


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def sipp_start(scenario, args):
    log = tempfile.NamedTemporaryFile('r', errors='replace')
    p = subprocess.Popen(
        ['sipp', '-sf', os.path.join(HERE, 'sipp', scenario + '.xml'), '-m', '1', '-nostdin',
         '-i', '127.0.0.1', '-timeout', '40s', '-timeout_error', '-trace_err',
         '-error_file', log.name, *args],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, 'TERM': 'dumb'})
    p.log = log
    return p


def sipp_end(p, scenario):
    p.wait(60)
    if p.returncode:
        raise Failed('sipp %s ended with %d:\n%s' % (scenario, p.returncode, p.log.read()[-3000:]))


# ---- SIPp calls us: scenario, dialled, what the host tells ----------------------------

ENDED = r'ended 0 the other side ended the call'
IN = [
    ('early', 'answer', [r'offered to=answer from=sipp@127.0.0.1 name="Desk "Phone" 1" by=udp '
                         r'at=127.0.0.1 agent=desk/1.0', 'connected', ENDED]),
    ('delayed', 'answer', [r'offered .* delayed', 'answered lines=1', 'connected', ENDED]),
    ('cucm', 'answer', [r'offered .* agent=Cisco-CUCM12.5 delayed', 'answered lines=1', 'connected',
                        ENDED]),
    ('room_mx', 'answer', [r'offered .* by=udp .*', 'connected', ENDED]),
    ('delayed_no_answer', 'answer', [r'offered .* delayed', 'ended 488 .*']),
    ('delayed_unfit', 'unfit', ['answered lines=1', 'ended 0 unfit']),
    ('hold', 'answer', ['connected'] + ['updated (send|)', 'updated sendrecv'] * 10 + [ENDED]),
    ('reinvite_delayed', 'answer', ['connected', 'updated delayed', 'answered lines=1',
                                    'updated delayed', 'answered lines=-1', ENDED]),
    ('reinvite_refused', 'keep', ['connected', 'updated sendrecv', ENDED]),
    ('reinvite_cancel', 'later', ['connected', 'updated sendrecv', 'late -22', ENDED]),
    ('update', 'answer', ['connected', 'updated send', ENDED]),
    ('update_overlap', 'later', ['connected', 'updated sendrecv', 'late 0', ENDED]),
    ('update_glare', 'answer', ['connected', 'updated delayed', 'answered lines=1',
                                'updated sendrecv', 'ended 0 Normal call clearing']),
    ('cancel', 'never', ['offered .*', 'ended 487 .*']),
    ('cancel_late', 'answer', ['connected', ENDED]),
    ('prack_required', 'answer', ['connected', ENDED]),
    ('info', 'answer', ['connected', 'dtmf 5', 'dtmf #', r'dtmf \*', 'key wanted', ENDED]),
    ('key', 'key', ['connected', 'key 0', 'key 0', 'key -95', ENDED]),
    ('glare_ours', 'reoffer', ['connected', 'offer 0', 'answered lines=1', ENDED]),
    ('glare_theirs', 'reoffer', ['connected', 'offer 0', 'answered lines=-1', ENDED]),
    ('reoffer_refused', 'reoffer', ['connected', 'offer 0', 'answered lines=-1', ENDED]),
    ('lost_ack', 'answer', ['offered .*', 'ended 408 .*']),
    ('early_bye', 'answer', ['offered .*', ENDED]),
    ('hangup', 'hangup', ['connected', 'ended 0 enough']),
    ('hangup_silent', 'hangup', ['connected', 'ended 0 enough']),
    ('options', 'answer', []),
    ('refuse_404', '404', ['ended 404 Not Found']),
    ('refuse_486', '486', ['ended 486 Busy Here']),
    ('refuse_488', '488', ['ended 488 .*']),
    ('refuse_503', '503', ['ended 503 .*']),
    ('refuse_302', '302', ['ended 302 .*']),
    ('bad_requests', 'answer', []),
    ('bad_type', 'answer', []),
    ('bad_encoding', 'answer', []),
    ('bad_sdp', 'answer', []),
    ('bad_require', 'answer', []),
    ('optional_body', 'answer', [r'offered .* delayed', 'connected', ENDED]),
    ('methods', 'answer', []),
]

TIMERS = [
    ('timer_we_update', 'answer', ['connected', ENDED]),
    ('timer_we_invite', 'answer', ['connected', ENDED]),
    ('timer_refused', 'change', ['connected', 'offer 0', 'answered lines=-1', ENDED]),
    ('timer_they_refresh', 'answer', ['connected', ENDED]),
    ('timer_they_do_not', 'answer', ['connected', 'ended (0|408) .*']),
    ('timer_dead_update', 'answer', ['connected', 'ended [1-9].*']),
    ('timer_dead_invite', 'answer', ['connected', 'ended [1-9].*']),
    ('timer_small', 'answer', []),
]

# ---- we call SIPp: scenario, our behaviour, what the host tells, then a command ---------

OUT = [
    ('uas_answer', 'hangup', ['answered lines=1', 'connected', 'ended 0 enough'], None),
    ('uas_prack', 'hangup', ['answered lines=1', 'connected', 'ended 0 enough'], None),
    ('uas_busy', 'answer', ['ended 486 Busy Here'], None),
    ('uas_moved', 'answer', ['ended 302 .*'], None),
    ('uas_password', 'answer', ['ended 407 .*'], None),
    ('uas_ring', 'answer', ['ended 0 on command'], 'end'),
    ('uas_no_sdp', 'answer', ['ended 488 .*'], None),
    ('uas_answer', 'unfit', ['answered lines=1', 'ended 0 unfit'], None),
    ('uas_hold', 'answer', ['connected', 'updated send', 'updated sendrecv', ENDED], None),
]


def call_in(host, scenario, service, told, transport='udp', extra=()):
    host.mark()
    kind = {'udp': 'u1', 'tcp': 't1'}[transport]
    p = sipp_start(scenario, ['127.0.0.1:%d' % host.port[transport], '-s', service, '-t', kind,
                              '-p', str(free_port()), *extra])
    try:
        sipp_end(p, scenario)
        for line in told:
            host.expect(line)
        host.empty()
    finally:
        if p.poll() is None:
            p.kill()


def call_out(host, scenario, behaviour, told, command, transport='udp'):
    port = free_port()
    host.mark()
    p = sipp_start(scenario, ['-p', str(port), '-t', {'udp': 'u1', 'tcp': 't1'}[transport]])
    try:
        wait_for_sipp(port, transport)
        host.command('dial sip:somebody@127.0.0.1:%d;transport=%s %s' % (port, transport, behaviour))
        host.expect('dial 0')
        if command:
            time.sleep(0.5)
            host.command(command)
        sipp_end(p, scenario)
        for line in told:
            host.expect(line)
        host.empty()
    finally:
        if p.poll() is None:
            p.kill()


def wait_for_sipp(port, transport):
    """Until the port is taken, which is how a listening SIPp shows itself."""
    for _ in range(100):
        kind = socket.SOCK_DGRAM if transport == 'udp' else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                return
        time.sleep(0.05)
    raise Failed('sipp does not listen')


# ---- a few lines of SIP over any socket ---------------------------------------------------

class Peer:
    def __init__(self, host, transport, family=socket.AF_INET):
        name = transport + ('6' if family == socket.AF_INET6 else '')
        self.address = '::1' if family == socket.AF_INET6 else '127.0.0.1'
        self.transport = transport
        self.s = socket.socket(family, socket.SOCK_DGRAM if transport == 'udp' else
                               socket.SOCK_STREAM)
        self.s.settimeout(20)
        self.s.connect((self.address, host.port[name]))
        if transport == 'tls':
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.s = context.wrap_socket(self.s)
        self.port = self.s.getsockname()[1]
        self.buf = b''
        self.cseq = 0
        self.id = 'peer-%d-%s' % (self.port, transport)
        self.to_tag = ''
        self.target = 'sip:answer@%s:%d' % (self.host(), host.port[name])

    def host(self):
        return '[::1]' if self.address == '::1' else '127.0.0.1'

    def sdp(self):
        v = 'IP6' if self.address == '::1' else 'IP4'
        return ('v=0\r\no=- 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n'
                % (v, self.address, v, self.address))

    def message(self, method, body='', ctype='application/sdp', cseq=None, extra=''):
        if cseq is None:
            self.cseq += 1
        me = '%s:%d' % (self.host(), self.port)
        text = ('%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s%d%s;rport\r\n'
                'From: <sip:peer@%s>;tag=p\r\nTo: <sip:answer@x>%s\r\nCall-ID: %s\r\n'
                'CSeq: %d %s\r\nContact: <sip:peer@%s;transport=%s>\r\nMax-Forwards: 70\r\n%s'
                % (method, self.target, self.transport.upper(), me, self.id,
                   self.cseq if cseq is None else cseq, method, me,
                   ';tag=' + self.to_tag if self.to_tag else '', self.id,
                   self.cseq if cseq is None else cseq, method, me, self.transport, extra))
        if body:
            text += 'Content-Type: %s\r\n' % ctype
        return (text + 'Content-Length: %d\r\n\r\n%s' % (len(body.encode()), body)).encode()

    def send(self, data):
        self.s.sendall(data)

    def receive(self):
        if self.transport == 'udp':
            head, _, body = self.s.recv(65536).partition(b'\r\n\r\n')
        else:
            while b'\r\n\r\n' not in self.buf:
                self.more()
            head, _, self.buf = self.buf.partition(b'\r\n\r\n')
            m = re.search(rb'(?im)^(?:content-length|l)\s*:\s*(\d+)', head)
            n = int(m[1]) if m else 0
            while len(self.buf) < n:
                self.more()
            body, self.buf = self.buf[:n], self.buf[n:]
        return head.decode(errors='replace'), body.decode(errors='replace')

    def more(self):
        data = self.s.recv(65536)
        if not data:
            raise Failed('the connection was closed')
        self.buf += data

    def answer(self, status):
        """The next final response."""
        while True:
            head, body = self.receive()
            m = re.match(r'SIP/2.0 (\d+)', head)
            if not m:
                raise Failed('a request instead of %d: %s' % (status, head))
            if int(m[1]) < 200:
                continue
            if int(m[1]) != status:
                raise Failed('%s instead of %d' % (head.splitlines()[0], status))
            tag = re.search(r'(?im)^To:.*;tag=([^;\r\n]+)', head)
            self.to_tag = tag[1] if tag else ''
            contact = re.search(r'(?im)^Contact:[^<]*<([^>]+)>', head)
            if contact and status == 200:
                self.target = contact[1]
            return head, body

    def call(self):
        self.send(self.message('INVITE', self.sdp()))
        head, body = self.answer(200)
        self.send(self.message('ACK', cseq=self.cseq))
        return head, body

    def bye(self):
        self.send(self.message('BYE'))
        self.answer(200)

    def close(self):
        self.s.close()


def check(ok, what):
    if not ok:
        raise Failed(what)


def plain_call(host, transport, family=socket.AF_INET):
    peer = Peer(host, transport, family)
    host.mark()
    head, body = peer.call()
    check('IN IP%d %s' % (6 if family == socket.AF_INET6 else 4, peer.address) in body,
          'the answer does not have the address we called: ' + body)
    check('transport=%s' % transport in peer.target or transport == 'udp',
          'Contact is of another transport: ' + peer.target)
    check(peer.host() in peer.target, 'Contact has another address: ' + peer.target)
    host.expect(r'offered .* by=%s at=%s .*' % (transport, peer.address))
    host.expect('connected')
    peer.bye()
    host.expect(ENDED)
    peer.close()
    host.empty()


def test_fragments(host):
    """TCP: one message in pieces, two in one; CRLF keep-alive answered (RFC 5626 4.4.1)."""
    peer = Peer(host, 'tcp')
    data = peer.message('OPTIONS')
    for i in range(0, len(data), 7):
        peer.send(data[i:i + 7])
        if i % 70 == 0:
            time.sleep(0.01)
    peer.answer(200)
    peer.to_tag = ''
    peer.send(peer.message('OPTIONS') + peer.message('OPTIONS'))
    peer.answer(200)
    peer.to_tag = ''
    peer.answer(200)
    peer.send(b'\r\n\r\n')
    check(peer.s.recv(4) == b'\r\n', 'no pong')
    peer.close()
    udp = Peer(host, 'udp')
    udp.send(b'\r\n\r\n')
    udp.send(b'\0\0\0\0')
    udp.send(udp.message('OPTIONS'))
    for _ in range(3):
        data = udp.s.recv(65536)
        if data.startswith(b'SIP/2.0 200'):
            break
    else:
        raise Failed('no answer after a keep-alive')
    udp.close()


def test_rport(host):
    """RFC 3581: the answer goes where the request came from, and says so."""
    peer = Peer(host, 'udp')
    peer.send(peer.message('OPTIONS').replace(b'UDP 127.0.0.1:%d' % peer.port,
                                              b'UDP 10.1.2.3:5060'))
    head, _ = peer.answer(200)
    check('rport=%d' % peer.port in head and 'received=127.0.0.1' in head, head)
    peer.close()


def test_nat(host, transport='udp'):
    """A Contact only its own network can reach: our BYE goes to the source, on the
    same connection if there is one."""
    peer = Peer(host, transport)
    peer.target = peer.target.replace('answer', 'hangup')
    hidden = [b'Contact: <sip:peer@127.0.0.1:%d' % peer.port, b'Contact: <sip:peer@10.1.2.3:5060']
    host.mark()
    peer.send(peer.message('INVITE', peer.sdp()).replace(*hidden))
    peer.answer(200)
    peer.send(peer.message('ACK', cseq=peer.cseq).replace(*hidden))
    head, _ = peer.receive()
    check(head.startswith('BYE sip:peer@10.1.2.3:5060'), 'not our BYE: ' + head)
    via = re.findall(r'(?im)^(?:via|from|to|call-id|cseq):.*', head)
    peer.send(('SIP/2.0 200 OK\r\n%s\r\nContent-Length: 0\r\n\r\n' % '\r\n'.join(
        l.strip() for l in via)).encode())
    host.expect('ended 0 enough')
    host.empty()
    peer.close()


def test_large(host):
    """RFC 3261 18.1.1: a large request goes over TCP; over UDP it is taken anyway."""
    peer = Peer(host, 'udp')
    peer.send(peer.message('INVITE', peer.sdp() + 'a=x-long:%s\r\n' % ('y' * 4000)))
    peer.answer(200)
    peer.send(peer.message('ACK', cseq=peer.cseq))
    peer.bye()
    peer.send(peer.message('INVITE', peer.sdp() + 'a=%s\r\n' % ('y' * 60000)).replace(
        b'INVITE', b'INVITE', 1)[:65000])
    peer.close()
    host.empty()


def test_garbage(host):
    """Bytes that are no SIP, on every port; the call in progress does not notice."""
    import random
    rnd = random.Random(4475)
    call = Peer(host, 'udp')
    call.call()
    for transport in ('udp', 'tcp', 'tls'):
        for _ in range(40):
            peer = Peer(host, transport)
            data = bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 400)))
            try:
                peer.send(rnd.choice((b'', b'INVITE sip:x SIP/2.0\r\n', b'SIP/2.0 200 OK\r\n',
                                      b'\r\n')) + data + rnd.choice((b'', b'\r\n\r\n')))
            except OSError:
                pass
            peer.close()
    good = call.message('INFO', 'Signal=1', 'application/dtmf-relay')
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(rnd.randrange(1, 6)):
            bad[rnd.randrange(len(bad))] = rnd.randrange(256)
        call.send(bytes(bad))
    call.s.settimeout(0.5)
    try:
        while True:
            call.s.recv(65536)
    except OSError:
        pass
    call.s.settimeout(20)
    call.cseq = 5000
    call.bye()
    host.empty(60)
    call.close()
    end = time.monotonic() + 30
    while True:
        host.command('stats')
        m = re.search(r'bad=(\d+) tls=(\d+)', host.expect(r'stats .*'))
        check(int(m[1]) > 100, 'what was broken was not counted')
        if m[2] == '0':
            break
        check(time.monotonic() < end, 'TLS connections are left over: ' + m[2])
        time.sleep(0.5)


def test_stray(host):
    """Responses and ACKs that belong to nothing are ignored."""
    peer = Peer(host, 'udp')
    peer.send(b'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKnobody\r\n'
              b'From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCall-ID: nobody\r\nCSeq: 1 INVITE\r\n'
              b'Content-Length: 0\r\n\r\n' % peer.port)
    peer.to_tag = 'nobody'
    peer.send(peer.message('ACK'))
    peer.to_tag = ''
    peer.send(peer.message('OPTIONS'))
    peer.answer(200)
    peer.close()
    host.empty()


def test_trace(host):
    """The messages of a call, keys masked, and nobody else's."""
    other, peer = Peer(host, 'udp'), Peer(host, 'tcp')
    other.call()
    key = 'inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj'
    sdp = peer.sdp() + 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 %s|2^20\r\n' % key
    peer.send(peer.message('INVITE', sdp))
    peer.answer(200)
    peer.send(peer.message('ACK', cseq=peer.cseq))
    host.expect('connected')
    host.expect('connected')
    host.mark()
    host.command('trace')
    host.expect('traced')
    with host.cond:
        text = '\n'.join(host.lines)
    start = max(i for i, l in enumerate(host.lines) if l == 'connected')
    text = '\n'.join(host.lines[start:])
    check('from tcp 127.0.0.1 %d' % peer.port in text, 'no received message: ' + text)
    check('to tcp 127.0.0.1 %d' % peer.port in text, 'no sent message: ' + text)
    check('SIP/2.0 200 OK' in text and 'ACK sip:' in text, 'messages are missing: ' + text)
    check('a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:' in text, 'the line is missing')
    check('d0Rm' not in text, 'the key is not masked')
    check(text.count('INVITE sip:') == 2, 'not one INVITE for each call')
    peer.bye()
    other.bye()
    peer.close()
    other.close()
    host.empty()


def test_oversize(host):
    """More than is taken: 413 or the end of the connection, and nothing kept."""
    peer = Peer(host, 'tcp')
    try:
        peer.send(peer.message('INVITE', peer.sdp() + 'a=%s\r\n' % ('y' * 300000)))
        head, _ = peer.answer(413)
        check('SIP/2.0 413' in head, head)
    except (OSError, Failed) as e:
        check('closed' in str(e) or isinstance(e, (BrokenPipeError, ConnectionResetError)), str(e))
    peer.close()
    peer = Peer(host, 'udp')
    peer.send(peer.message('OPTIONS'))
    peer.answer(200)
    peer.close()
    host.empty()


RAW = [('fragments', test_fragments), ('rport', test_rport), ('nat', test_nat),
       ('nat-tcp', lambda h: test_nat(h, 'tcp')), ('nat-tls', lambda h: test_nat(h, 'tls')),
       ('oversize', test_oversize),
       ('large', test_large), ('stray', test_stray), ('trace', test_trace),
       ('garbage', test_garbage)]


def test_full(program):
    host = Host(program, '--max-calls', '1')
    peer = Peer(host, 'udp')
    peer.call()
    call_in_kept(host, 'full', 'answer')
    host.command('drain')
    host.expect('draining')
    call_in_kept(host, 'options_draining', 'answer')
    peer.bye()
    peer.close()
    host.empty()
    host.stop()


def call_in_kept(host, scenario, service):
    p = sipp_start(scenario, ['127.0.0.1:%d' % host.port['udp'], '-s', service, '-p',
                              str(free_port())])
    sipp_end(p, scenario)


def test_shutdown(program):
    """quit while a call is up: BYE, and everything is gone though nobody answers."""
    host = Host(program)
    peer = Peer(host, 'udp')
    peer.call()
    host.expect('connected')
    host.command('quit')
    head, _ = peer.receive()
    check(head.startswith('BYE '), 'no BYE: ' + head)
    check(host.p.wait(30) == 0, 'exit code: %s' % '\n'.join(host.errors[-40:]))
    peer.close()


def test_advertised(program):
    """Behind NAT: the address of the outside in Contact and SDP, but not to ourselves."""
    host = Host(program, '--advertised', '203.0.113.5')
    own = [l for l in subprocess.run(['hostname', '-I'], stdout=subprocess.PIPE, text=True)
           .stdout.split() if '.' in l]
    peer = Peer(host, 'udp')
    _, body = peer.call()
    check('203.0.113.5' not in peer.target + body, 'advertised on loopback: ' + peer.target)
    peer.bye()
    peer.close()
    host.expect('connected')
    host.empty()
    host.command('listeners')
    for address in own[:1]:
        port = int(host.expect(r'listener sip:%s:\d+;transport=udp' % re.escape(address))
                   .split(':')[2].split(';')[0])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(20)
            s.bind((address, 0))
            s.connect((address, port))
            me = '%s:%d' % s.getsockname()
            s.send(('INVITE sip:answer@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKadv;rport\r\n'
                    'From: <sip:p@x>;tag=1\r\nTo: <sip:answer@x>\r\nCall-ID: adv\r\nCSeq: 1 INVITE\r\n'
                    'Contact: <sip:p@%s>\r\nContent-Type: application/sdp\r\n'
                    'Content-Length: %d\r\n\r\n%s' % (address, me, me, len(peer.sdp()),
                                                     peer.sdp())).encode())
            while True:
                text = s.recv(65536).decode()
                if text.startswith('SIP/2.0 200'):
                    break
        check('<sip:answer@203.0.113.5:%d>' % port in text, 'Contact is not advertised: ' + text)
        check('c=IN IP4 203.0.113.5' in text, 'SDP is not advertised: ' + text)
    host.stop()


def main():
    parser = argparse.ArgumentParser()
    build = os.environ.get('BALAI_BUILD', os.path.join(HERE, '../../build'))
    parser.add_argument('--host', default=os.path.join(build, 'tests/flow/ua_host'))
    parser.add_argument('names', nargs='*')
    args = parser.parse_args()
    if not shutil.which('sipp'):
        print('SKIP: no sipp (package sip-tester)')
        return 77
    failed = passed = 0
    current = []

    def run(name, fn, *a):
        nonlocal failed, passed
        if args.names and name not in args.names:
            return
        try:
            fn(*a)
            passed += 1
            print('PASS', name, flush=True)
        except (Failed, OSError, subprocess.SubprocessError) as e:
            failed += 1
            print('FAIL %s: %s' % (name, e), flush=True)
            for h in current:
                if h.p.poll() and not h.told:
                    h.told = True
                    print('the host died:\n' + '\n'.join(h.errors[-40:]), flush=True)

    def shared(*host_args):
        current.append(Host(args.host, *host_args))
        return current[-1]

    host = shared('--ipv6')
    for scenario, service, told in IN:
        run(scenario, call_in, host, scenario, service, told)
    for scenario, service, told in (row for row in IN if row[0] in
                                    ('early', 'delayed', 'cucm', 'room_mx', 'hold', 'info',
                                     'hangup')):
        told = [re.sub('by=udp', 'by=tcp', t) for t in told]
        run(scenario + '-tcp', call_in, host, scenario, service, told, 'tcp')
    for scenario, behaviour, told, command in OUT:
        run(scenario, call_out, host, scenario, behaviour, told, command)
    run('uas_answer-tcp', call_out, host, *OUT[0], 'tcp')
    for transport in ('udp', 'tcp', 'tls'):
        for family in (socket.AF_INET, socket.AF_INET6):
            run('call-%s%s' % (transport, '6' if family == socket.AF_INET6 else ''),
                plain_call, host, transport, family)
    for name, fn in RAW:
        run(name, fn, host)
    run('stop', host.stop)
    host = shared('--session-expires', '4', '--min-se', '2')
    for scenario, service, told in TIMERS:
        run(scenario, call_in, host, scenario, service, told)
    run('stop', host.stop)
    run('full', test_full, args.host)
    run('shutdown', test_shutdown, args.host)
    run('advertised', test_advertised, args.host)
    for h in current:
        if h.p.poll() is None:
            h.p.kill()
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
