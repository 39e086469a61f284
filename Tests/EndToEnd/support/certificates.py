"""An authority and a certificate for 127.0.0.1 and localhost, made by the openssl of the machine."""

import subprocess

P256 = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]


class Certificates:
    def __init__(self, folder, key=P256):
        self._key = key
        self.authority, authority_key = str(folder / "ca.pem"), str(folder / "ca.key")
        self._folder, self._authority_key = folder, authority_key
        self.certificate, self.key = str(folder / "server.pem"), str(folder / "server.key")
        self._openssl(
            "req", "-x509", "-newkey", *key, "-nodes", "-days", "2", "-subj", "/CN=End to end authority",
            "-keyout", authority_key, "-out", self.authority,
        )  # fmt: skip
        self.renew("first")

    def renew(self, name):
        """A new certificate under the same paths, as a renewal on disk is."""
        request, extensions = str(self._folder / "server.csr"), self._folder / "extensions"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self._openssl(
            "req", "-new", "-newkey", *self._key, "-nodes", "-subj", f"/CN={name}", "-keyout", self.key,
            "-out", request,
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", self._authority_key,
            "-CAcreateserial", "-days", "2", "-extfile", str(extensions), "-out", self.certificate,
        )  # fmt: skip

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
