"""Reads conformance/*.json."""

import base64
import json

from .server import ROOT


def vectors(name):
    return json.loads((ROOT / "conformance" / f"{name}.json").read_text())


def member(case, name):
    """A member as text or bytes, however the case spells it."""
    if f"{name}_parts" in case:
        return "".join(text * count for text, count in case[f"{name}_parts"])
    if f"{name}_base64" in case:
        return base64.b64decode(case[f"{name}_base64"])
    return case[name]


def named(cases):
    """For pytest's ids: the sentence that names the case."""
    return {"argvalues": cases, "ids": [case["name"] for case in cases]}
