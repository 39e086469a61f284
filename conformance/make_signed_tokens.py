#!/usr/bin/env python3
"""Writes signed-tokens.json: keys of every kind, issuers, and tokens for and against them.

    python3 -m venv venv && venv/bin/pip install pyjwt joserfc cryptography
    venv/bin/python conformance/make_signed_tokens.py

Tokens are made by PyJWT and by joserfc, which share no code with each other; attacks by hand with
`cryptography`. The keys are made anew each time, and no private half of a key that signs is written.
"""

import base64
import hashlib
import hmac
import json
import math
import pathlib
import warnings

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import NameOID
from joserfc import jwt as jose
from joserfc.jwk import import_key
import datetime

warnings.simplefilter("ignore")
NOW, LEEWAY = 1_800_000_000, 30
EXP = NOW + 600
cases, key_cases = [], []


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, count=None):
    return b64(value.to_bytes(count or (value.bit_length() + 7) // 8, "big"))


def pem(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    day = datetime.datetime(2026, 1, 1)
    return (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(day).not_valid_after(day + datetime.timedelta(days=9000))
            .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode())


def jwk(public, **more):
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **more}
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers, count = public.public_numbers(), (public.curve.key_size + 7) // 8
        name = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "secp256k1"}
        return {"kty": "EC", "crv": name[public.curve.name], "x": number(numbers.x, count), "y": number(numbers.y, count), **more}
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw), **more}


RSA, RSA2, WEAK = (rsa.generate_private_key(65537, bits) for bits in (2048, 3072, 1024))
P256, P384, P521, K1 = (ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1, ec.SECP256K1))
OTHER256 = ec.generate_private_key(ec.SECP256R1())
ED, ED2, UNUSED = (ed25519.Ed25519PrivateKey.generate() for _ in range(3))
SECRET = "conformance-secret-of-64-bytes-0123456789abcdef0123456789abcdefgh"[:64]
ALL = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
KEY = {"HS": SECRET, "RS": RSA, "PS": RSA, "ES256": P256, "ES384": P384, "Ed": ED}


def key_for(algorithm):
    return KEY.get(algorithm) or KEY[algorithm[:2]]


def verifier(**issuer):
    return {"issuers": [{"algorithms": ALL} | issuer]}


PEMS = "".join(pem(key.public_key()) for key in (RSA, P256, P384, ED))
SET = {"keys": [jwk(RSA.public_key(), kid="rsa", use="sig"), jwk(RSA2.public_key(), kid="rsa2", alg="RS256"),
                jwk(P256.public_key(), kid="p256", alg="ES256", key_ops=["verify"]), jwk(P384.public_key(), kid="p384"),
                jwk(ED.public_key(), kid="ed"), jwk(OTHER256.public_key(), kid="enc", use="enc"),
                {"kty": "oct", "k": b64(SECRET.encode()), "kid": "secret"}]}
ORIGIN = "https://login.example.com/"
verifiers = {
    "pem": verifier(pem=PEMS, secret=SECRET),
    "certificate": verifier(pem=certificate(RSA) + certificate(P256)),
    "jwks": verifier(jwks=SET),
    "rsa": verifier(pem=pem(RSA.public_key())),
    "rs256 only": verifier(pem=PEMS, secret=SECRET, algorithms=["RS256"]),
    "usual": {"issuers": [{"pem": PEMS, "secret": SECRET}]},
    "named": verifier(name=ORIGIN, pem=pem(P256.public_key()), audience=["jobwire", "other"]),
    "several": {"issuers": [
        {"name": ORIGIN, "pem": pem(P256.public_key()), "audience": ["jobwire"], "algorithms": ["ES256"]},
        {"name": "internal", "secret": SECRET, "algorithms": ["HS256"]},
        {"pem": pem(ED.public_key()), "algorithms": ["EdDSA"]}]},
    "several, all with names": {"issuers": [
        {"name": "a", "secret": SECRET}, {"name": "b", "pem": pem(ED.public_key())}]},
    "claims": verifier(secret=SECRET, claims={
        "subject": "user.id", "jobs": "https://example.com/rights.jobs", "queues": "a.b.c", "feeds": "x.y",
        "scope": "realm_access.roles"}),
}


def add(name, verifier, token, granted=None, refused=None):
    assert (granted is None) != (refused is None)
    cases.append({"name": name, "verifier": verifier, "token": token} |
                 ({"granted": granted} if refused is None else {"refused": refused}))


def made(algorithm, claims=None, key=None, **headers):
    return jwt.encode({"sub": "u1", "exp": EXP} | (claims or {}), key or key_for(algorithm), algorithm, headers or None)


def by_joserfc(algorithm, claims=None, **headers):
    key = key_for(algorithm)
    imported = import_key(key, "oct") if isinstance(key, str) else import_key(
        private_pem(key), {"R": "RSA", "P": "RSA", "E": "EC"}[algorithm[0]] if algorithm != "EdDSA" else "OKP")
    return jose.encode({"alg": algorithm} | headers, {"sub": "u1", "exp": EXP} | (claims or {}), imported,
                       algorithms=[algorithm])


def hand(header, claims, sign):
    text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
    return text + "." + b64(sign(text.encode()))


def raw_ec(key, digest=hashes.SHA256(), count=32):
    def sign(text):
        r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(digest)))
        return r.to_bytes(count, "big") + s.to_bytes(count, "big")
    return sign


ME = {"sub": "u1", "exp": EXP}
GRANTED = {"sub": "u1", "exp": EXP}

# Every algorithm, by two libraries, from every kind of key.
for algorithm in ALL:
    kid = {"HS": "secret", "RS": "rsa", "PS": "rsa"}.get(algorithm[:2]) or {"ES256": "p256", "ES384": "p384", "EdDSA": "ed"}[algorithm]
    for maker, make in {"PyJWT": made, "joserfc": by_joserfc}.items():
        token = make(algorithm)
        add(f"{algorithm} by {maker}", "pem", token, GRANTED)
        add(f"{algorithm} by {maker}, key from a set", "jwks", make(algorithm, kid=kid), GRANTED)
        head, body, mark = token.split(".")
        add(f"{algorithm} by {maker}, no kid, keys from a set", "jwks", token, GRANTED)
        add(f"{algorithm} by {maker}, stripped", "pem", f"{head}.{body}.", refused="bad_signature")
        add(f"{algorithm} by {maker}, one byte short", "pem",
            f"{head}.{body}." + b64(base64.urlsafe_b64decode(mark + "==")[:-1]), refused="bad_signature")
        add(f"{algorithm} by {maker}, one byte more", "pem",
            f"{head}.{body}." + b64(base64.urlsafe_b64decode(mark + "==") + b"\0"), refused="bad_signature")
        add(f"{algorithm} by {maker}, other claims", "pem",
            f"{head}." + b64(json.dumps(ME | {"sub": "u2"}).encode()) + f".{mark}", refused="bad_signature")
        add(f"{algorithm} by {maker}, a zero signature", "pem",
            f"{head}.{body}." + b64(bytes(len(base64.urlsafe_b64decode(mark + "==")))), refused="bad_signature")
        add(f"{algorithm} by {maker}, where no key is for it", "rs256 only", token,
            **({"granted": GRANTED} if algorithm == "RS256" else {"refused": "algorithm_not_allowed"}))
    usual = algorithm not in ("HS384", "HS512")
    add(f"{algorithm} as usual", "usual", made(algorithm),
        **({"granted": GRANTED} if usual else {"refused": "algorithm_not_allowed"}))
add("RS256 by the key of a certificate", "certificate", made("RS256"), GRANTED)
add("the second certificate of a file only vouches", "certificate", made("ES256"), refused="algorithm_not_allowed")
add("ES512 is not known", "pem", jwt.encode(ME, P521, "ES512"), refused="algorithm_not_allowed")
add("ES256K is not known", "pem", jwt.encode(ME, K1, "ES256K"), refused="algorithm_not_allowed")

# A key is never used as one of another kind.
for text, what in {pem(RSA.public_key()).encode(): "PEM", certificate(RSA).encode(): "certificate",
                   pem(RSA.public_key()).strip().encode(): "PEM without its last newline", b"": "nothing",
                   json.dumps(SET["keys"][0]).encode(): "JWK"}.items():
    for algorithm, digest in {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}.items():
        token = hand({"alg": algorithm, "kid": "rsa"}, ME, lambda t: hmac.new(text, t, digest).digest())
        add(f"{algorithm} with the public key's {what} as secret", "rsa", token, refused="algorithm_not_allowed")
        add(f"{algorithm} with the public key's {what} as secret, beside a secret", "pem", token, refused="bad_signature")
        add(f"{algorithm} with the public key's {what} as secret, its kid", "jwks", token, refused="algorithm_not_allowed")
add("RS256 called PS256", "pem", made("RS256").replace(b64(b'{"alg":"RS256","typ":"JWT"}'), b64(b'{"alg":"PS256","typ":"JWT"}')),
    refused="bad_signature")
add("RS256 signed for PS256", "pem", hand({"alg": "PS256"}, ME, lambda t: RSA.sign(t, padding.PKCS1v15(), hashes.SHA256())), refused="bad_signature")
add("PS256 signed for RS256", "pem", hand({"alg": "RS256"}, ME, lambda t: RSA.sign(t, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())), refused="bad_signature")
add("PS256 with no salt", "pem", hand({"alg": "PS256"}, ME, lambda t: RSA.sign(t, padding.PSS(padding.MGF1(hashes.SHA256()), 0), hashes.SHA256())), refused="bad_signature")
add("PS256 with another mask", "pem", hand({"alg": "PS256"}, ME, lambda t: RSA.sign(t, padding.PSS(padding.MGF1(hashes.SHA512()), 32), hashes.SHA256())), refused="bad_signature")
add("RS256 with SHA-1", "pem", hand({"alg": "RS256"}, ME, lambda t: RSA.sign(t, padding.PKCS1v15(), hashes.SHA1())), refused="bad_signature")
add("RS256 with SHA-512", "pem", hand({"alg": "RS256"}, ME, lambda t: RSA.sign(t, padding.PKCS1v15(), hashes.SHA512())), refused="bad_signature")
add("RS256 by somebody else", "pem", made("RS256", key=RSA2), refused="bad_signature")
add("RS512 of a key whose alg is RS256", "jwks", made("RS512", key=RSA2, kid="rsa2"), refused="algorithm_not_allowed")
add("RS256 of that key", "jwks", made("RS256", key=RSA2, kid="rsa2"), GRANTED)
add("ES256 on P-384", "pem", hand({"alg": "ES256"}, ME, raw_ec(P384, hashes.SHA256(), 48)), refused="bad_signature")
add("ES384 on P-256", "pem", hand({"alg": "ES384"}, ME, raw_ec(P256, hashes.SHA384(), 32)), refused="bad_signature")
add("ES256 on secp256k1", "pem", hand({"alg": "ES256"}, ME, raw_ec(K1)), refused="bad_signature")
add("ES256 with SHA-384", "pem", hand({"alg": "ES256"}, ME, raw_ec(P256, hashes.SHA384())), refused="bad_signature")
add("ES256 in DER", "pem", hand({"alg": "ES256"}, ME, lambda t: P256.sign(t, ec.ECDSA(hashes.SHA256()))), refused="bad_signature")
add("ES256 of a key for encryption", "jwks", made("ES256", key=OTHER256, kid="enc"), refused="unknown_key")
add("EdDSA by somebody else", "pem", made("EdDSA", key=ED2), refused="bad_signature")

# r and s must lie from 1 to n - 1.
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
N384 = int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)
for algorithm, key, order, count, digest in (("ES256", P256, N256, 32, hashes.SHA256()), ("ES384", P384, N384, 48, hashes.SHA384())):
    def tampered(change):
        def sign(text):
            r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(digest)))
            return b"".join(value.to_bytes(count, "big") for value in change(r, s))
        return hand({"alg": algorithm}, ME, sign)
    for name, change in {
        "r zero": lambda r, s: (0, s), "s zero": lambda r, s: (r, 0), "both zero": lambda r, s: (0, 0), "both one": lambda r, s: (1, 1),
        "r the order": lambda r, s: (order, s), "s the order": lambda r, s: (r, order), "both the order": lambda r, s: (order, order),
        "s all ones": lambda r, s: (r, 2 ** (8 * count) - 1), "r and s swapped": lambda r, s: (s, r)}.items():
        add(f"{algorithm}, {name}", "pem", tampered(change), refused="bad_signature")
    # The other s of the same signature is as right as it; a token is not used as a name, so nothing is lost.
    add(f"{algorithm}, the other s", "pem", tampered(lambda r, s: (r, order - s)), GRANTED)

# kid chooses among the keys that are here.
add("a kid nobody has", "jwks", made("RS256", kid="nobody"), refused="unknown_key")
add("the kid of another key", "jwks", made("ES256", kid="p384"), refused="algorithm_not_allowed")
add("the kid of another key of the same kind", "jwks", made("RS256", kid="rsa2"), refused="bad_signature")
for kid in ["RSA", "rsa ", "", "../rsa", "rsa\0", "' OR ''='", "r" * 3000, "r\u0073\u0061\u0301"]:
    add(f"kid {kid[:12]!r} is not rsa", "jwks", made("RS256", kid=kid), refused="unknown_key")
add("keys without an id take any kid", "pem", made("RS256", kid="whatever"), GRANTED)
for name, value in {"jwk": jwk(ED2.public_key()), "jku": "https://evil.example/keys", "x5u": "https://evil.example/c", "x5c": [certificate(RSA2)]}.items():
    token = hand({"alg": "EdDSA", name: value}, ME, ED2.sign)
    add(f"{name} brings no key", "pem", token, refused="bad_signature")

# Issuers and audiences.
named = {"iss": ORIGIN, "aud": "jobwire"}
add("the right issuer and audience", "named", made("ES256", named), GRANTED)
add("one audience of several", "named", made("ES256", named | {"aud": ["x", "other"]}), GRANTED)
for name, aud in {"another": "jobwire2", "a prefix": "job", "another case": "Jobwire", "none in the array": ["x", "y"], "an empty array": [],
                  "a number": 1, "numbers": [1], "an object": {"jobwire": 1}, "nested": [["jobwire"]], "null": None, "with a space": "jobwire other"}.items():
    add(f"audience: {name}", "named", made("ES256", named) if False else hand({"alg": "ES256"}, ME | {"iss": ORIGIN, "aud": aud}, raw_ec(P256)),
        refused="wrong_audience")
add("no audience", "named", made("ES256", {"iss": ORIGIN}), refused="wrong_audience")
for iss in ["https://login.example.com", "https://login.example.com//", "HTTPS://login.example.com/", "https://evil.example/", ""]:
    add(f"issuer {iss!r}", "named", made("ES256", named | {"iss": iss}), refused="wrong_issuer")
add("no issuer", "named", made("ES256", {"aud": "jobwire"}), refused="wrong_issuer")
add("an issuer's own key", "several", made("ES256", named), GRANTED)
add("another issuer's own secret", "several", made("HS256", {"iss": "internal"}), GRANTED)
add("no issuer and the key of the one without a name", "several", made("EdDSA"), GRANTED)
add("an unknown issuer and the key of the one without a name", "several", made("EdDSA", {"iss": "elsewhere"}), GRANTED)
add("an issuer's name and another's key", "several", made("EdDSA", named), refused="algorithm_not_allowed")
add("an issuer's name and another's secret", "several", made("HS256", named), refused="algorithm_not_allowed")
add("an issuer's name and a stranger's key", "several", made("ES256", named, key=OTHER256), refused="bad_signature")
add("no issuer's name and another's key", "several", made("ES256", {"aud": "jobwire"}), refused="algorithm_not_allowed")
add("two issuers in one token", "several", "{}.{}.{}".format(
    b64(b'{"alg":"HS256"}'), body2 := b64(b'{"sub":"u1","exp":%d,"iss":"internal","iss":"%s"}' % (EXP, ORIGIN.encode())),
    b64(hmac.new(SECRET.encode(), b64(b'{"alg":"HS256"}').encode() + b"." + body2.encode(), hashlib.sha256).digest())), refused="duplicate_member")
add("no issuer where all have names", "several, all with names", made("HS256"), refused="wrong_issuer")
add("an unknown issuer where all have names", "several, all with names", made("HS256", {"iss": "c"}), refused="wrong_issuer")

# Claims by other names.
add("claims within claims", "claims", made("HS256", {
    "user": {"id": "u9"}, "https://example.com/rights": {"jobs": ["a-*", 7]}, "a": {"b": {"c": ["q"]}}, "x": {"y": ["f"]},
    "realm_access": {"roles": ["jobs:publish", "offline"]}, "scope": "admin", "jobs": ["*"]}),
    {"sub": "u9", "exp": EXP, "follows": ["a-1", "7"], "not_follows": ["b"], "queues": ["q"], "feeds": ["f"], "scope": ["jobs:publish"]})
add("a claim whose name holds the dot", "claims", made("HS256", {"user.id": "u8", "a.b": {"c": ["q"]}, "a": {"b.c": ["no"]}}),
    {"sub": "u8", "exp": EXP, "queues": ["q"], "not_queues": ["no"]})
add("claims that are not there", "claims", made("HS256", {"user": {"name": "u1"}, "a": {"b": 1}, "x": "y"}), {"exp": EXP, "not_queues": ["b"]})
add("a claim within claims of the wrong kind", "claims", made("HS256", {"realm_access": {"roles": {"admin": True}}}), refused="bad_scope")
add("jobs within claims of the wrong kind", "claims", made("HS256", {"https://example.com/rights": {"jobs": "a"}}), refused="bad_names")
add("a subject within claims of the wrong kind", "claims", made("HS256", {"user": {"id": 1}}), refused="bad_subject")
twice = b64(b'{"exp":%d,"realm_access":{"roles":["x"],"roles":["admin"]}}' % EXP)
head = b64(b'{"alg":"HS256"}')
add("a claim within claims twice", "claims", f"{head}.{twice}." + b64(hmac.new(SECRET.encode(), f"{head}.{twice}".encode(), hashlib.sha256).digest()),
    refused="duplicate_member")

# Keys that are not used.
good = jwk(ED.public_key())
off = dict(jwk(P256.public_key()))
off["y"] = number(P256.public_key().public_numbers().y ^ 1, 32)


def bad_key(name, key, fault, secrets=True):
    key_cases.append({"name": name, "jwks": {"keys": [key, good]}, "fault": fault, "secrets": secrets})


bad_key("RSA of 1024 bits", jwk(WEAK.public_key()), "rsa_too_short")
bad_key("RSA of 2040 bits", {"kty": "RSA", "n": number((1 << 2039) + 1), "e": "AQAB"}, "rsa_too_short")
bad_key("RSA of 8200 bits", {"kty": "RSA", "n": number((1 << 8199) + 1), "e": "AQAB"}, "rsa_too_long")
# A power of 65537 modulo the product of the first 126 primes, as it was made by chips with CVE-2017-15361.
PRIMES = [n for n in range(2, 702) if all(n % m for m in range(2, n))]
roca = (1 << 1_100) * math.prod(PRIMES) + pow(65_537, 5, math.prod(PRIMES))
bad_key("RSA as weak chips make it (ROCA)", {"kty": "RSA", "n": number(roca), "e": "AQAB"}, "rsa_guessable")
for name, e in {"1": "AQ", "0": "AA", "even": "Ag", "nothing": "", "9 bytes": b64(b"\1" * 9)}.items():
    bad_key(f"RSA with the exponent {name}", jwk(RSA.public_key()) | {"e": e}, "bad_parameters")
bad_key("RSA with an even modulus", jwk(RSA.public_key()) | {"n": number(RSA.public_key().public_numbers().n - 1)}, "bad_parameters")
for member in ("n", "e"):
    bad_key(f"RSA without {member}", {k: v for k, v in jwk(RSA.public_key()).items() if k != member}, "bad_parameters")
    bad_key(f"RSA with padding in {member}", jwk(RSA.public_key()) | {member: jwk(RSA.public_key())[member] + "="}, "bad_parameters")
bad_key("a point off the curve", off, "bad_parameters")
bad_key("the point zero", {"kty": "EC", "crv": "P-256", "x": b64(bytes(32)), "y": b64(bytes(32))}, "bad_parameters")
bad_key("a short coordinate", jwk(P256.public_key()) | {"x": b64(b"\1" * 31)}, "bad_parameters")
bad_key("a P-384 point called P-256", jwk(P384.public_key()) | {"crv": "P-256"}, "bad_parameters")
bad_key("P-521", jwk(P521.public_key()), "unsupported_type")
bad_key("secp256k1", jwk(K1.public_key()), "unsupported_type")
bad_key("X25519", {"kty": "OKP", "crv": "X25519", "x": b64(b"\1" * 32)}, "unsupported_type")
bad_key("an Ed25519 key of 31 bytes", {"kty": "OKP", "crv": "Ed25519", "x": b64(b"\1" * 31)}, "bad_parameters")
bad_key("a private key", jwk(P256.public_key()) | {"d": b64(b"\1" * 32)}, "private_key")
bad_key("use enc", jwk(RSA.public_key(), use="enc"), "not_for_signatures")
bad_key("use of the wrong kind", jwk(RSA.public_key(), use=["sig"]), "not_for_signatures")
bad_key("key_ops without verify", jwk(RSA.public_key(), key_ops=["encrypt", "sign"]), "not_for_signatures")
bad_key("key_ops of the wrong kind", jwk(RSA.public_key(), key_ops="verify"), "not_for_signatures")
bad_key("alg for encryption", jwk(RSA.public_key(), alg="RSA-OAEP"), "unknown_algorithm")
bad_key("alg none", jwk(RSA.public_key(), alg="none"), "unknown_algorithm")
bad_key("alg of the wrong kind", jwk(RSA.public_key(), alg=1), "unknown_algorithm")
bad_key("HS256 for an RSA key", jwk(RSA.public_key(), alg="HS256"), "algorithm_of_another_kind")
bad_key("ES384 for a P-256 key", jwk(P256.public_key(), alg="ES384"), "algorithm_of_another_kind")
bad_key("HS512 for 32 bytes", {"kty": "oct", "k": b64(b"k" * 32), "alg": "HS512"}, "algorithm_of_another_kind")
bad_key("a secret of 31 bytes", {"kty": "oct", "k": b64(b"k" * 31)}, "secret_too_short")
bad_key("a secret that all can fetch", {"kty": "oct", "k": b64(b"k" * 64)}, "published_secret", secrets=False)
for value in ({}, [], 1, None, "RSA", {"kty": 1}, {"kty": None}):
    bad_key(f"the key {json.dumps(value)}", value, "not_a_key")
bad_key("kty of another case", jwk(RSA.public_key()) | {"kty": "rsa"}, "unsupported_type")

pem_cases = [
    {"name": "a private key", "pem": private_pem(UNUSED), "fault": "private_key"},
    {"name": "a private key behind a public one", "pem": pem(ED.public_key()) + private_pem(UNUSED), "fault": "private_key"},
    {"name": "RSA of 1024 bits", "pem": pem(WEAK.public_key()), "fault": "rsa_too_short"},
    {"name": "P-521", "pem": pem(P521.public_key()), "fault": "unsupported_type"},
    {"name": "secp256k1", "pem": pem(K1.public_key()), "fault": "unsupported_type"},
    {"name": "no PEM at all", "pem": "hello", "fault": "not_pem"}, {"name": "nothing", "pem": "", "fault": "not_pem"},
    {"name": "a cut block", "pem": pem(RSA.public_key())[:200], "fault": "not_pem"},
    {"name": "another kind of block", "pem": pem(ED.public_key()).replace("PUBLIC KEY", "X509 CRL"), "fault": "not_pem"},
    {"name": "a block whose bytes are no key", "pem": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "fault": "not_pem"},
]

for group in (cases, key_cases, pem_cases):
    names = [case["name"] for case in group]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
with open(pathlib.Path(__file__).with_name("signed-tokens.json"), "w") as file:
    head = {"about": "Written by make_signed_tokens.py. See README.md.", "now": NOW, "leeway": LEEWAY, "verifiers": verifiers}
    file.write(json.dumps(head)[:-1])
    for name, group in (("cases", cases), ("keys", key_cases), ("pems", pem_cases)):
        file.write(f',\n"{name}": [\n' + ",\n".join(json.dumps(case) for case in group) + "\n]")
    file.write("}\n")
print(len(cases), "tokens,", len(key_cases), "keys,", len(pem_cases), "PEM texts")
