"""A real haproxy or nginx before a Jobwire, run from the files of deploy/proxies with ports of the test's own."""

import subprocess

from .server import ROOT
from .waiting import eventually

PROXIES = ROOT / "deploy/proxies"


class Balancer:
    """`replacing`: what stands in the file → what a test needs there; each must be there."""

    def __init__(self, program, file, folder, replacing, port):
        text = (PROXIES / file).read_text()
        for before, after in replacing.items():
            assert before in text, f"{file} has no {before!r} any more"
            text = text.replace(before, str(after))
        self.program, self.path, self.port = program, folder / file, port
        self.path.write_text(text)
        self.said = open(folder / f"{program}.log", "w+")
        arguments = {
            "haproxy": ["haproxy", "-db", "-f", self.path],
            "nginx": ["nginx", "-p", folder, "-e", "stderr", "-c", self.path, "-g", f"daemon off; pid {folder}/pid;"],
        }[program]
        self.process = subprocess.Popen(
            [str(word) for word in arguments], stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    @property
    def log(self):
        return open(self.said.name).read()

    def wait(self, is_ready):
        def ask():
            assert self.process.poll() is None, self.path.read_text() + self.log
            try:
                return is_ready()
            except OSError:
                return False

        eventually(ask, what="the balancer serves")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.said.close()
