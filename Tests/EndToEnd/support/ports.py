"""A loopback port that a server of a test has for itself, also while the server is down.

It lies below the range from which the kernel takes ports for whoever connects (from 32768 on), so that nobody's
connection has it. And no other test takes it, in whatever process: who has a port also holds the abstract Unix
socket of its number, as long as the process lives. Tests/Support/Port.swift claims them in the same way.
"""

import random
import socket

CANDIDATES = range(20_000, 32_768)
_claims = []


def own_port():
    for port in random.sample(CANDIDATES, len(CANDIDATES)):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0jobwire-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
    raise AssertionError("every port is taken")
