"""A server of key sets that can rotate its keys, hang, lie and die, and keys to sign tokens with."""

import http.server
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from .local_server import LocalServer

_KINDS = {
    "RS256": (lambda: rsa.generate_private_key(65537, 2048), RSAAlgorithm),
    "ES256": (lambda: ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
    "EdDSA": (ed25519.Ed25519PrivateKey.generate, OKPAlgorithm),
}


class Key:
    def __init__(self, kid, algorithm="ES256"):
        make, kind = _KINDS[algorithm]
        self.kid, self.algorithm, self.private = kid, algorithm, make()
        self.jwk = json.loads(kind.to_jwk(self.private.public_key())) | {"kid": kid, "alg": algorithm, "use": "sig"}

    def token(self, jobs=None, lives=600, headers=None, **claims):
        body = {"sub": "u1", "exp": int(time.time() + lives), "scope": "jobs:read"} | claims
        return jwt.encode(body, self.private, self.algorithm, {"kid": self.kid} | (headers or {}))


class KeyServer(LocalServer):
    """`answer` makes (status, headers, body) of a request's path; `asked` counts."""

    def __init__(self, *keys, port=0, certificates=None):
        self.answer = lambda path: (200, {}, self.body)
        self.asked = 0
        self.keys(*keys)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                answer = outer.answer(self.path)
                if answer is None:  # hang until released
                    outer.released.wait(30)
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if not any(name.lower() == "content-length" for name in headers):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        super().__init__(Handler, port, certificates)

    def keys(self, *keys):
        self.body = json.dumps({"keys": [getattr(key, "jwk", key) for key in keys]}).encode()

    @property
    def url(self):
        return f"{self.base}/keys"
