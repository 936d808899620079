# SPDX-License-Identifier: GPL-3.0-or-later
"""balaid under test."""
import json
import os
import re
import subprocess
import time



class Bridge:
    """Starts balaid with a configuration file and waits until it says what to
    dial; `addresses` then holds the URIs it printed."""

    def __init__(self, build, folder, config=None, log="info"):
        os.makedirs(folder, exist_ok=True)
        self.build, self.folder = build, folder
        self.socket = folder + "/control"
        self.log_path = folder + "/balaid.log"
        self.out_path = folder + "/balaid.out"
        args = [build + "/balaid", "--socket", self.socket, "--log", log]
        if config:
            args += ["--config", config]
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                                        stdout=open(self.out_path, "w"),
                                        stderr=open(self.log_path, "w"))
        self.addresses = self._wait()

    def _wait(self):
        for _ in range(400):
            with open(self.out_path) as f:
                text = f.read()
            if "is ready" in text:
                return re.findall(r"sip:NUMBER@(\S+)", text)
            if self.process.poll() is not None:
                break
            time.sleep(.05)
        raise RuntimeError(f"balaid did not start ({self.process.poll()}):\n" + self.log()[-3000:])

    def uri(self, number, transport="udp", address="127.0.0.1"):
        for a in self.addresses:
            kind = re.search(r"transport=(\w+)", a)
            if a.startswith(address + ":") and (kind.group(1) if kind else "udp") == transport:
                return f"sip:{number}@" + a.split(";")[0] + \
                    (f";transport={transport}" if transport != "udp" else "")
        raise RuntimeError(f"no {transport} listener at {address}: {self.addresses}")

    def balai(self, *args):
        """An operator's command; its result."""
        done = subprocess.run([self.build + "/balai", "--socket", self.socket, *args, "--json"],
                              capture_output=True, text=True, timeout=20)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return json.loads(done.stdout)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def stop(self, seconds=15):
        """Asks it to end; its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return -9
        return self.process.returncode
