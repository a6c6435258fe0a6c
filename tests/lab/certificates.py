# SPDX-License-Identifier: MIT
"""Certificates for the lab, made with openssl: good ones and others."""

import subprocess

import harness

KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split()


def openssl(scratch, *words):
    command = [harness.program("openssl"), *(str(word) for word in words)]
    subprocess.run(command, cwd=scratch.path, check=True, timeout=60, capture_output=True)


def make_ca(scratch, name):
    openssl(
        scratch,
        *("req", "-x509", *KEY, "-days", 2),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN=test {name}"),
    )
    return scratch.path / f"{name}.pem"


def make_certificate(scratch, ca, name, subject_alt_name, valid=("20000101000000Z", "")):
    """(certificate, key) signed by this CA. valid: begin and end (default: in two days)."""
    openssl(
        scratch,
        *("req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"),
    )
    (scratch.path / f"{name}.index").write_text("", encoding="ascii")
    config = scratch.file(
        f"{name}.cnf",
        f"[ca]\ndefault_ca = d\n[d]\ndatabase = {name}.index\nnew_certs_dir = .\n"
        "rand_serial = yes\ndefault_md = sha256\npolicy = p\nx509_extensions = x\n"
        f"[p]\ncommonName = supplied\n[x]\nsubjectAltName = {subject_alt_name}\n",
    )
    begin, end = valid
    openssl(
        scratch,
        *("ca", "-batch", "-notext", "-config", config, "-cert", f"{ca}.pem"),
        *("-keyfile", f"{ca}.key", "-in", f"{name}.csr", "-out", f"{name}.pem"),
        *("-startdate", begin, *(("-enddate", end) if end else ("-days", 2))),
    )
    return scratch.path / f"{name}.pem", scratch.path / f"{name}.key"
