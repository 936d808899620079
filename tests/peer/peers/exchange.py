# SPDX-License-Identifier: GPL-3.0-or-later
"""What any exchange has to do with the bridge, whoever made it: its own test starts it
at 127.0.0.2, with phones 11, 12 and 13 (password "secret11" and so on), numbers 2… that
lead to the bridge at 10.9.9.1, and calls from there to 1…."""
import os
import subprocess

from . import media, system
from .baresip import Baresip
from .linphone import Linphone
from .scripted import check

CONFIG = """<balai xmlns="urn:balai:config:1">
  <network>
    <listen transport="udp" address="10.9.9.1" port="5060"/>
    <media ports="20000-29999"/>
  </network>
  <profiles><profile name="default"{profile}/></profiles>
  <trunks>
    <trunk name="pbx" check="1"><host address="127.0.0.2"{port}/></trunk>
    <trunk name="line" user="600" password="with six hundred" register="yes" check="1">
      <host address="127.0.0.2"/>
    </trunk>
  </trunks>
  <dial-plan>
    <rule dialled="2[0-9]{{3}}"><conference create="yes"/></rule>
    <rule dialled="600"><conference number="2600" create="yes"/></rule>
    <rule dialled="0([0-9]+)"><trunk name="pbx" user="$1"/></rule>
    <rule dialled="9([0-9]+)"><trunk name="line" user="$1"/></rule>
    <rule><refuse code="403"/></rule>
  </dial-plan>
</balai>
"""


class Exchange:
    """A program that stays until it is told to end; `ready`: whether it listens. What is
    made of it says by knows(user) who is registered there."""

    def __init__(self, folder, command, ready, environment=None):
        self.folder, self.path = folder, folder + "/out"
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(self.path, "w"),
                                        stderr=subprocess.STDOUT, cwd=folder, env=environment)
        if not system.wait_until(lambda: ready(self) or self.process.poll() is not None, 60) or \
           self.process.poll() is not None:
            raise RuntimeError("the exchange does not start: " + self.log()[-2000:])

    def log(self):
        with open(self.path, errors="replace") as f:
            return f.read()

    def quit(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def phone(w, e, number, address, k):
    """One with picture and sound, registered, that answers."""
    w.runs += 1
    folder = "%s/%d-phone" % (w.folder, w.runs)
    os.makedirs(folder)
    p = Baresip(folder, str(number), 5200, 10000 + 100 * k, 4400 + k, media.clip(k, folder + "/clip.mp4", 60),
                media.sound(k, folder + "/sound.wav", seconds=60), address=address, fps=15,
                account=f'regint=60;outbound="sip:127.0.0.2:5060";auth_user={number};'
                f"auth_pass=secret{number};audio_codecs=PCMA/8000/1;answermode=auto")
    w.quits.insert(0, p)
    check(system.wait_until(lambda: "200 OK" in p.log() and e.knows(number), 20), "phone does not register",
          p.log()[-800:])
    return p


def streams(w):
    return w.bridge.balai("participants", "--streams")


def talks(w, conference, kinds=("audio", "video")):
    """Whose sound and picture comes in that conference."""
    return [r["uri"] for r in streams(w) if r["conference"] == conference and all(
        any(s["kind"] == kind and s["rx_packets"] > 20 for s in r["streams"]) for kind in kinds)]


def comes(w, e, conference):
    check(system.wait_until(lambda: len(talks(w, conference)) == 1, 20), streams(w), e.log()[-2500:])


def leaves(w, p):
    p.hangup()
    check(system.wait_until(lambda: not w.rows(), 10), "it does not leave")


def dials(p, e, number):
    check(p.dial(f"sip:{number}@127.0.0.2"), p.log()[-800:], e.log()[-1500:])


def gets_in(w, e):
    """A phone of the exchange in a conference, with sound and picture both ways."""
    p = phone(w, e, 11, "127.0.0.3", 0)
    dials(p, e, 2001)
    comes(w, e, "2001")
    check(w.rows()[0]["uri"].startswith("11@"), w.rows())
    check(p.snapshot(w.folder + "/seen.png"), "it sees nothing")
    leaves(w, p)


def is_called(w, e):
    """A number of the dial plan rings a phone of the exchange."""
    p = phone(w, e, 11, "127.0.0.3", 0)
    check(system.wait_until(lambda: w.bridge.balai("trunks")[0]["up"] == 1, 20), w.bridge.balai("trunks"))
    w.bridge.balai("dial", "2001", "011")
    comes(w, e, "2001")
    w.bridge.balai("end", "2001")
    check(p.wait("CALL_CLOSED"), "the phone does not hear of the end")


def is_transferred(w, e):
    """Its caller is transferred into the conference by an attendant."""
    attendant, caller = phone(w, e, 12, "127.0.0.4", 1), phone(w, e, 11, "127.0.0.3", 0)
    dials(caller, e, 12)
    check(attendant.wait("CALL_ESTABLISHED"), attendant.log()[-800:])
    attendant.command("transfer", "sip:2001@127.0.0.2")
    comes(w, e, "2001")
    check(w.rows()[0]["uri"].startswith("11@"), w.rows())
    check(system.wait_until(lambda: "CALL_CLOSED" in [x.get("type") for x in attendant.events], 10),
          "the attendant is still in a call")
    leaves(w, caller)


def is_brought(w, e):
    """The attendant asks in the conference first, and then brings its caller together
    with it: the attendant's place there is the caller's, and so is the name."""
    caller = phone(w, e, 11, "127.0.0.3", 0)
    folder = w.folder + "/attendant"
    os.makedirs(folder)
    attendant = Linphone(folder, "13", 5300, 12000, [], media.sound(1, folder + "/sound.wav", rate=16000, seconds=60),
                         answers=True, video=False, account=("13", "127.0.0.2", "secret13", "sip:127.0.0.2"))
    w.quits.insert(0, attendant)
    check(system.wait_until(lambda: e.knows(13), 20), attendant.output[-800:], e.log()[-1500:])
    dials(caller, e, 13)
    attendant.command("pause 1", 1.5)
    attendant.command("call sip:2001@127.0.0.2", 1)
    first = w.row(conference="2001")
    attendant.command("transfer 1 --to-call 2")
    check(system.wait_until(lambda: [(r["id"], r["uri"][:3]) for r in w.rows()] == [(first["id"], "11@")], 15),
          w.rows(), e.log()[-2500:])
    before = streams(w)[0]["streams"][0]["rx_packets"]
    check(system.wait_until(lambda: streams(w)[0]["streams"][0]["rx_packets"] > before + 50, 10),
          "its sound does not come")
    leaves(w, caller)


def bridge_registers(w, e):
    """The bridge is an extension: it registers, is called by that number and calls."""
    def line():
        return next(t for t in w.bridge.balai("trunks") if t["trunk"] == "line")
    check(system.wait_until(lambda: line()["registration"] == "registered" and e.knows(600), 80), line(), e.log()[-1500:])
    p = phone(w, e, 11, "127.0.0.3", 0)
    dials(p, e, 600)
    comes(w, e, "2600")
    leaves(w, p)
    w.bridge.balai("dial", "2001", "911")
    comes(w, e, "2001")
    w.bridge.balai("end", "2001")
