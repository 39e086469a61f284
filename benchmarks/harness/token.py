"""An HS256 token as an application would give it to a browser."""

import base64
import hashlib
import hmac
import json
import time


def mint(secret, scope, seconds):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    now = int(time.time())
    claims = {"sub": "bench", "scope": scope, "iat": now, "exp": now + seconds}
    signed = b".".join(part(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (signed + b"." + part(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()
