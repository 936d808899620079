# SPDX-License-Identifier: GPL-3.0-or-later
"""Kamailio 5.6 as registrar and proxy of a domain pbx.test, whose users all have one
password."""
import os
import shutil
import socket
import subprocess

from . import system

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PASSWORD = "pbx: secret"   # with a colon, which Sofia's own digest would cut at
PATH = os.environ["PATH"] + ":/usr/sbin"


def is_there():
    return shutil.which("kamailio", path=PATH) is not None


def line_of(folder, user, password, registrar, realm, expires):
    """For edge.cfg: registers there as that user."""
    os.makedirs(folder, exist_ok=True)
    columns = {"id": 1, "l_uuid": "line", "l_username": user, "l_domain": realm,
               "r_username": user, "r_domain": realm, "realm": realm, "auth_username": user,
               "auth_password": password, "auth_ha1": "", "auth_proxy": "sip:" + registrar,
               "expires": int(expires), "flags": 0, "reg_delay": 0, "contact_addr": "", "socket": ""}
    with open(folder + "/uacreg", "w") as f:
        f.write(" ".join("%s(%s)" % (k, "int,auto" if k == "id" else "int" if isinstance(v, int)
                                     else "string,null") for k, v in columns.items()) + "\n")
        f.write(":".join(str(v).replace(":", "\\:") for v in columns.values()) + "\n")
    with open(folder + "/version", "w") as f:
        f.write("table_name(string) table_version(int)\nuacreg:5\n")


def numbers_to(pattern, hop):
    """A route for numbers that are not registered here: another host has them."""
    return (f'if ($rU =~ "{pattern}") {{ xlog("L_NOTICE", "relayed $rm $rU from $fU\\n"); '
            f'$du = "{hop}"; t_relay(); exit; }}')


class Kamailio:
    """`certificate`: a path without .pem and .key, for TLS. `phone`: who need not prove
    inside a dialog who it is. `routes`: of requests outside of one. `config`: another
    file than the registrar's. It listens when this returns."""

    def __init__(self, folder, algorithm="MD5", certificate=None, *, address="127.0.0.2",
                 phone="127.0.0.3", routes="", bridge="127.0.0.1:5060", config="kamailio.cfg"):
        os.makedirs(folder, exist_ok=True)
        with open(f"{HERE}/kamailio/{config}") as f:
            text = f.read()
        tls = ('loadmodule "tls.so"\nmodparam("tls", "tls_method", "TLSv1.2+")\n'
               f'modparam("tls", "certificate", "{certificate}.pem")\n'
               f'modparam("tls", "private_key", "{certificate}.key")')
        for key, value in {"ADDRESS": address, "TLS": "yes" if certificate else "no",
                           "TLSLISTEN": f"listen=tls:{address}:5061" if certificate else "",
                           "TLSMODULE": tls if certificate else "", "ALGORITHM": algorithm,
                           "PASSWORD": PASSWORD, "PHONE": phone, "ROUTES": routes,
                           "BRIDGE": bridge, "FOLDER": folder}.items():
            text = text.replace(f"@{key}@", value)
        with open(folder + "/kamailio.cfg", "w") as f:
            f.write(text)
        self.folder, self.address, self.path = folder, address, folder + "/log"
        self.process = None
        self.defines = ["-A", "LINE"] if os.path.exists(folder + "/uacreg") else []
        self.start()

    def start(self):
        """Also anew, after a stop: without what was registered before."""
        self.process = subprocess.Popen(
            ["kamailio", "-DD", "-E", "-f", self.folder + "/kamailio.cfg", *self.defines, "-Y", self.folder, "-P",
             self.folder + "/pid", "-w", self.folder, "-m", "32", "-M", "4"],
            stdin=subprocess.DEVNULL, stdout=open(self.path, "a"), stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": PATH})
        if not system.wait_until(self._listens, 15) or self.process.poll() is not None:
            raise RuntimeError("kamailio does not start: " + self.log()[-800:])

    def _listens(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind((self.address, 5060))
            except OSError:
                return True
            return self.process.poll() is not None

    def log(self):
        with open(self.path, errors="replace") as f:
            return f.read()

    def stop(self):
        """Takes its children along."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    quit = stop
