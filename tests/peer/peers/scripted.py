# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp 3.6 with scenarios that a test writes step by step, and what runs a file of
such tests: every function case_* of it, each with the same bridge."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from . import system
from .bridge import Bridge
from .kamailio import PATH


class Failed(Exception):
    pass


def check(truth, *what):
    if not truth:
        raise Failed(" ".join(map(str, what)))


SDP = """v=0
o=- 1 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a={direction}
"""


class Script:
    """A SIPp scenario, written step by step."""

    def __init__(self, user, name="", dialled="2001"):
        self.user, self.name, self.dialled = user, name, dialled
        self.cseq, self.steps, self.vars, self.uas, self.proxied = 0, [], [], False, False

    def _head(self, method, cseq, extra, body, first):
        uri = "sip:%s@[remote_ip]:[remote_port]" % self.dialled if first else "[next_url]"
        text = ["%s %s SIP/2.0" % (method, uri),
                "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
                "From: %s<sip:%s@[local_ip]:[local_port]>;tag=%s" % (
                    '"%s" ' % self.name if self.name else "", self.user, "[pid]F[call_number]"),
                "To: <sip:%s@[remote_ip]:[remote_port]>%s" % (
                    self.dialled, "" if first else "[peer_tag_param]"),
                "Call-ID: [call_id]", "CSeq: %d %s" % (cseq, method),
                "Contact: <sip:%s@[local_ip]:[local_port];transport=[transport]>" % self.user,
                "Max-Forwards: 70", *(["[routes]"] if self.proxied and not first else []), *extra]
        if body is not None:
            text += ["Content-Type: application/sdp", "Content-Length: [len]", "", body]
        else:
            text += ["Content-Length: 0", "", ""]
        return "\n".join(text)

    def send(self, method, extra=(), body=None, first=False):
        if method != "ACK":
            self.cseq += 1
        self.steps.append('<send%s><![CDATA[\n%s\n]]></send>' % (
            "" if method == "ACK" else ' retrans="500"',
            self._head(method, self.cseq, extra, body, first)))
        return self

    def expect(self, status, check=(), rrs=False, optional=False, auth=False):
        """A response; `check`: (header or "body", regular expression) pairs."""
        self.steps.append('<recv response="%d"%s%s%s>%s</recv>' % (
            status, ' rrs="true"' if rrs else "", ' optional="true"' if optional else "",
            ' auth="true"' if auth else "", self._actions(check)))
        return self

    def _actions(self, check):
        text = ""
        for where, pattern in check:
            n = len(self.vars) + 1
            self.vars.append(n)
            place = 'search_in="body"' if where == "body" else \
                'search_in="hdr" header="%s:"' % where
            text += '<ereg regexp="%s" %s check_it="true" assign_to="%d"/>' % (
                pattern.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;"), place, n)
        return "<action>%s</action>" % text if text else ""

    def request(self, method, check=(), status="200 OK", extra=(), body=None, optional=False):
        """A request that comes, and our answer."""
        self.steps.append('<recv request="%s"%s>%s</recv>' % (
            method, ' optional="true"' if optional else "", self._actions(check)))
        if method != "ACK" and status:
            self.answer(status, extra, body)
        return self

    def answer(self, status, extra=(), body=None):
        text = ["SIP/2.0 " + status, "[last_Via:]", "[last_From:]",
                "[last_To:]%s" % (";tag=[pid]U[call_number]" if self.uas else ""),
                "[last_Call-ID:]", "[last_CSeq:]",
                *(["[last_Record-Route:]"] if self.uas and self.proxied else []),
                "Contact: <sip:%s@[local_ip]:[local_port];transport=[transport]>" % self.user, *extra]
        text += ["Content-Type: application/sdp", "Content-Length: [len]", "", body] \
            if body is not None else ["Content-Length: 0", "", ""]
        self.steps.append('<send><![CDATA[\n%s\n]]></send>' % "\n".join(text))
        return self

    def sdp(self, direction="sendrecv"):
        return SDP.format(version=self.cseq + 1, direction=direction)

    def call(self, extra=(), check=()):
        return self.send("INVITE", extra, self.sdp(), first=True).expect(100, optional=True) \
            .expect(200, check, rrs=True).send("ACK")

    def reinvite(self, direction="sendrecv", extra=()):
        return self.send("INVITE", extra, self.sdp(direction)).expect(100, optional=True) \
            .expect(200, rrs=True).send("ACK")

    def pause(self, ms):
        self.steps.append('<pause milliseconds="%d"/>' % ms)
        return self

    def play(self, path):
        self.steps.append('<nop><action><exec rtp_stream="%s,-1,8"/></action></nop>' % path)
        return self

    def bye(self):
        return self.send("BYE").expect(200)

    def cancelled(self, check=()):
        """It is given up while it rings."""
        self.request("CANCEL", check, status=None)
        n = len(self.vars) + 1
        self.vars.append(n)
        number = '<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="%d"/>' % n
        self.steps[-1] = self.steps[-1].replace("</action>", number + "</action>") if check else \
            '<recv request="CANCEL"><action>%s</action></recv>' % number
        self.answer("200 OK").answer("487 Request Terminated")
        # of the INVITE's transaction
        self.steps[-1] = self.steps[-1].replace("[last_CSeq:]", "CSeq: [$%d] INVITE" % n)
        return self.request("ACK")

    def register(self, *headers, realm="balai.test", credentials=""):
        """A REGISTER; `credentials`: a whole header, or "user password" for SIPp's own."""
        self.cseq += 1
        if credentials and ":" not in credentials.split()[0]:
            credentials = "[authentication username=%s password=%s]" % tuple(credentials.split(" ", 1))
        self.steps.append('<send retrans="500"><![CDATA[\n%s\n]]></send>' % "\n".join([
            "REGISTER sip:%s SIP/2.0" % realm,
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
            "From: <sip:%s@%s>;tag=[pid]R[call_number]" % (self.user, realm),
            "To: <sip:%s@%s>" % (self.user, realm), "Call-ID: [call_id]",
            "CSeq: %d REGISTER" % self.cseq, "Max-Forwards: 70", *headers,
            *([credentials] if credentials else []), "Content-Length: 0", "", ""]))
        return self

    def contact(self, expires=None, more=""):
        return "Contact: <sip:%s@[local_ip]:[local_port]>%s%s" % (
            self.user, "" if expires is None else ";expires=%d" % expires, more)

    def challenged(self, check=()):
        """401, whose challenge SIPp answers from here on."""
        return self.expect(401, check, auth=True)

    def text(self):
        use = '<Reference variables="%s"/>' % ",".join(map(str, self.vars)) if self.vars else ""
        return '<?xml version="1.0" encoding="UTF-8" ?>\n<scenario name="s">\n%s\n%s\n</scenario>\n' \
            % ("\n".join(self.steps), use)


class Sipp:
    """Plays a scenario `calls` times, beside each other where they come so."""

    def __init__(self, world, script, port, address="127.0.0.1", rtp=None, transport="u1",
                 target="127.0.0.1:5060", more=(), calls=1):
        world.runs += 1
        self.folder = "%s/%d-%s" % (world.folder, world.runs, script.user)
        os.makedirs(self.folder)
        with open(self.folder + "/scenario.xml", "w") as f:
            f.write(script.text())
        target = [] if script.uas else [target]
        self.process = subprocess.Popen(
            ["sipp", *target, "-sf", "scenario.xml", "-i", address, "-p", str(port), "-mi", address,
             "-mp", str(rtp or 10 * port - 48000), "-m", str(calls), "-nostdin", "-t", transport, *more,
             "-timeout", "40s" if calls == 1 else "500s", "-timeout_error", "-trace_err", "-error_file",
             "errors", "-trace_msg", "-message_file", "messages"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=open(self.folder + "/out", "w"),
            stderr=subprocess.STDOUT, env={**os.environ, "TERM": "dumb"})
        world.processes.append(self.process)

    def messages(self):
        try:
            with open(self.folder + "/messages", errors="replace") as f:
                return f.read().replace("\r", "")
        except OSError:
            return ""

    def dialog(self):
        """(Call-ID, its own tag, the bridge's tag) of the call."""
        def ids():
            m = re.search(r"^SIP/2.0 200.*?^From:[^\n]*;tag=(\S+).*?^To:[^\n]*;tag=(\S+).*?"
                          r"^Call-ID: (\S+)", self.messages(), re.S | re.M)
            return m and (m[3], m[1], m[2])
        found = system.wait_until(ids, 15)
        if not found:
            raise Failed("no call: " + self.messages()[-2000:])
        return found

    def end(self, what=""):
        self.process.wait(60)
        if self.process.returncode:
            try:
                with open(self.folder + "/errors") as f:
                    said = f.read()[-1500:]
            except OSError:
                said = ""
            raise Failed("sipp %s ended with %d: %s\n%s" % (
                what or self.folder, self.process.returncode, said, self.messages()[-3000:]))


def callee(name, headers=(), status=None, proxied=False):
    s = Script(name)
    s.uas, s.proxied = True, proxied
    s.request("INVITE", headers, status=None)
    if status:
        return s.answer(status).request("ACK")
    s.answer("180 Ringing")
    s.pause(300)
    s.answer("200 OK", body=SDP.format(version=1, direction="sendrecv"))
    return s.request("ACK").request("BYE")


class World:
    """A bridge of that configuration, and what plays with it."""

    def __init__(self, folder, config):
        self.folder, self.runs, self.processes, self.quits = folder, 0, [], []
        with open(folder + "/balai.xml", "w") as f:
            f.write(config)
        os.chmod(folder + "/balai.xml", 0o600)
        self.bridge = Bridge(system.build(), folder + "/bridge", folder + "/balai.xml")

    def rows(self):
        return self.bridge.balai("participants")

    def row(self, **want):
        """The participant with those values, once there is one."""
        def find():
            return next((r for r in self.rows() if all(r[k] == v for k, v in want.items())), None)
        found = system.wait_until(find, 15)
        check(found, "no participant", want, "but", [(r["id"], r["conference"], r["name"], r["uri"])
                                                    for r in self.rows()])
        return found

    def over(self, *phones):
        """The conferences end, and the phones get their BYE."""
        for row in self.bridge.balai("conferences"):
            self.bridge.balai("end", row["number"])
        for p in phones:
            p.end()
        self.empty()

    def empty(self):
        for p in self.processes:
            p.terminate()  # kamailio takes its children along
        for p in self.processes:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        for phone in self.quits:
            phone.quit()
        self.processes, self.quits = [], []
        for row in self.bridge.balai("conferences"):
            self.bridge.balai("end", row["number"])
        left = system.wait_until(lambda: not system.leftovers(self.bridge), 30)
        check(left, "left over:", system.leftovers(self.bridge))


def run(name, config, things, need, world=World):
    """The cases among `things`, or those that the command line names; the exit status.
    `need`: the program without which a case is skipped."""
    if not shutil.which("sipp"):
        print("no sipp (package sip-tester)\n0 passed, 0 failed, 1 skipped")
        return 77
    system.isolate()
    folder = tempfile.mkdtemp(prefix="balai-%s-" % name)
    cases = [(n[5:], f) for n, f in things.items() if n.startswith("case_")]
    passed = failed = skipped = 0
    w = world(folder, config)
    for name, case in cases:
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        if not shutil.which(need.get(name, "sipp"), path=PATH):
            skipped += 1
            print("SKIP %s: no %s" % (name, need[name]))
            continue
        try:
            case(w)
            w.empty()
            passed += 1
            print("PASS", name, flush=True)
        except (Failed, OSError, RuntimeError, subprocess.SubprocessError) as e:
            failed += 1
            print("FAIL %s: %s" % (name, e), flush=True)
            try:
                w.empty()
            except Failed as left:
                print(left)
    log = w.bridge.log()
    if "given up dialog=" in log:
        failed += 1
        print("FAIL a dialog did not end")
    if w.bridge.stop():
        failed += 1
        print("FAIL the bridge did not end in order")
    if failed:
        print(log[-3000:])
        print("left in " + folder)
    else:
        shutil.rmtree(folder)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed or not passed + skipped else 0 if passed else 77
