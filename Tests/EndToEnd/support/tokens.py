"""Tokens as an application would make them, with somebody else's library."""

import time

import jwt

SECRET = "an-end-to-end-secret-of-more-than-32-bytes"


def token(jobs=None, sub="u1", lives=600, secret=SECRET, algorithm="HS256", **claims):
    """A token for `jobs` (default: all). `lives` in seconds from now; None: without an end."""
    body = {"sub": sub, **claims}
    if jobs is None:
        body.setdefault("scope", "jobs:read")
    else:
        body["jobs"] = jobs
    if lives is not None:
        body["exp"] = int(time.time() + lives)
    return jwt.encode(body, secret, algorithm=algorithm)
