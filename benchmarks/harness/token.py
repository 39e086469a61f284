"""An HS256 token as an application would give it to a browser."""

import base64
import hashlib
import hmac
import json
import time


def part(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(algorithm, number, scope="jobs:read", seconds=3600):
    """Header and payload; of another number it is another token, of another subject."""
    now = int(time.time())
    claims = {"sub": f"bench{number or ''}", "scope": scope, "iat": now, "exp": now + seconds}
    return ".".join(part(json.dumps(each).encode()) for each in ({"alg": algorithm, "typ": "JWT"}, claims))


def mint(secret, scope, seconds, number=0):
    signed = unsigned("HS256", number, scope, seconds)
    return signed + "." + part(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())
