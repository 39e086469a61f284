"""Runs suites that nobody here wrote against `jobwire serve` from .build/release, and judges what they say.

    tools/hostile tls [--keep FILE]    testssl.sh (Debian's package) on the TLS listener: protocols, suites, forward
                                       secrecy, the server's own choices, known attacks. Some five minutes.

Expected: no finding of any severity, but those that EXCUSED names with their reason. Exit code 1 where there is one.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

from support.certificates import P256, Certificates  # noqa: E402
from support.redis_server import RedisServer  # noqa: E402
from support.server import Jobwire  # noqa: E402

#: Findings of testssl.sh that are no fault of the listener, and why.
EXCUSED = {"engine_problem": "of the openssl that looks, not of the listener: it lacks GOST"}
KEYS = {"an EC key": P256, "an RSA key": ["rsa:2048"]}
#: So many things at least it finds in order: a run that looked at nothing is none.
IN_ORDER_MIN = 40
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL")


def testssl(port, report):
    path = shutil.which("testssl") or shutil.which("testssl.sh")
    if not path:
        sys.exit("tools/hostile: testssl.sh is missing: apt-get install testssl.sh")
    wanted = ["--protocols", "--std", "--fs", "--server-preference", "--vulnerable", "--grease"]
    subprocess.run([path, "--quiet", "--color", "0", "--warnings", "off", "--ip", "one", "--jsonfile", str(report), *wanted,
                    f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL, check=False)  # fmt: skip
    return json.loads(report.read_text())


def findings_with(key):
    with tempfile.TemporaryDirectory(prefix="jw-") as directory:
        folder = pathlib.Path(directory)
        certificates = Certificates(folder, key)
        redis = RedisServer(folder, certificates)
        # It shakes hands a few hundred times, from one address.
        server = Jobwire(redis.url, tls_certificate=certificates.certificate, tls_key=certificates.key, wait=False,
                         handshakes_per_address_per_second_max=100_000, handshakes_per_address_burst_max=100_000)  # fmt: skip
        try:
            return testssl(server.port, folder / "report.json")
        finally:
            server.stop()
            redis.stop()


def tls(options):
    found = {name: findings_with(key) for name, key in KEYS.items()}
    if options.keep:
        pathlib.Path(options.keep).write_text(json.dumps(found, indent=1) + "\n")
    is_good = True
    for name, findings in found.items():
        wrong = [each for each in findings if each["severity"] in SEVERITIES and each["id"] not in EXCUSED]
        for each in wrong:
            print(f"{each['severity']:8} {each['id']}: {each['finding']}")
        looked = sum(each["severity"] in ("OK", "INFO") for each in findings)
        print(f"tools/hostile tls, with {name}: {looked} in order, {len(wrong)} findings")
        is_good = is_good and not wrong and looked >= IN_ORDER_MIN
    return 0 if is_good else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    suites = parser.add_subparsers(required=True, metavar="SUITE")
    of_tls = suites.add_parser("tls", help="testssl.sh on the TLS listener")
    of_tls.add_argument("--keep", metavar="FILE", help="keep the whole report")
    of_tls.set_defaults(run=tls)
    options = parser.parse_args()
    sys.exit(options.run(options))


if __name__ == "__main__":
    main()
