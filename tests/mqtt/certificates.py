# SPDX-License-Identifier: MIT
"""A test authority and certificates of brokers: good, expired, and for another name."""

from network import run


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.made = 0
        self.certificate = folder / "ca.pem"
        self._openssl(
            *"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(),
            *("-keyout", folder / "ca.key", "-out", self.certificate, "-subj", "/CN=test"),
        )

    @staticmethod
    def _openssl(*words):
        run("openssl", *words)

    def sign(self, name, days=2):
        """(certificate, key) for this DNS name; negative days: it ended so long ago."""
        self.made += 1
        base = self.folder / f"broker{self.made}"
        files = {ext: base.with_suffix("." + ext) for ext in ("pem", "key", "csr", "ext")}
        self._openssl(
            *"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split(),
            *("-keyout", files["key"], "-out", files["csr"], "-subj", f"/CN={name}"),
        )
        files["ext"].write_text(f"subjectAltName = DNS:{name}\n", encoding="ascii")
        self._openssl(
            *("x509", "-req", "-days", days, "-in", files["csr"], "-out", files["pem"]),
            *("-extfile", files["ext"], "-CA", self.certificate, "-CAkey", self.folder / "ca.key"),
            "-CAcreateserial",
        )
        return files["pem"], files["key"]
