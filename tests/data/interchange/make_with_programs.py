#!/usr/bin/env python3
"""Writes the fixtures that other programs write themselves: cotp's database, and the exports of otpclient.

Run by hand, after make_encrypted.py, with `cotp` (cargo install cotp), Debian's `otpclient-cli` and cryptography from
PyPI:

    tests/data/interchange/make_with_programs.py PATH-OF-COTP

otpclient makes databases in its window only, so its own is written here (its PBKDF2 and AES-256-GCM), and the program
then exports it.
"""

import json
import os
import pty
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives import hashes

from make_encrypted import ENTRIES, HERE, PASSWORD, STEAM, base32, seed, write


def run(command, folder, answers):
    """Runs a program that asks on a terminal. `answers`: what to type whenever one of these texts appears."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(HOME=folder, XDG_CONFIG_HOME=folder, XDG_DATA_HOME=folder, DBUS_SESSION_BUS_ADDRESS="")
        os.chdir(folder)
        os.execvp(command[0], command)
    seen, answers = b"", list(answers)
    while True:
        try:
            seen += os.read(terminal, 4096)
        except OSError:
            break
        if answers and answers[0][0] in seen:
            time.sleep(0.3)  # What is typed before it has switched off the echo is thrown away.
            os.write(terminal, answers.pop(0)[1] + b"\n")
            seen = b""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0 and not answers, (command, status, seen)


def make_cotp(program):
    with tempfile.TemporaryDirectory() as folder:
        cotp = [program, "-d", folder + "/db.cotp"]
        first = True
        motp = ("motp", "Motp", "m", seed("motp", 16), "SHA1", 6, 10)
        md5 = ("totp", "Old", "md5", seed("md5"), "MD5", 6, 30)
        for kind, issuer, account, key, algorithm, digits, number in ENTRIES + [STEAM, motp, md5]:
            add = ["add", "-t", kind, "-i", issuer, "-l", account, "-a", algorithm.lower(), "-d", str(digits)]
            add += ["-c" if kind == "hotp" else "-e", str(number)]
            add += ["-p", "1234"] if kind == "motp" else []
            secret = key.hex() if kind == "motp" else base32(key)
            questions = [(b"Choose", PASSWORD), (b"etype", PASSWORD)] if first else [(b"assword", PASSWORD)]
            run(cotp + add, folder, questions + [(b"ecret", secret.encode())])
            first = False
        skipped = ["Steam:gamer", "Motp:m", "Old:md5"]
        write("cotp", "default.cotp", Path(folder, "db.cotp").read_bytes(), ENTRIES, skipped)


def make_otpclient():
    entries = [entry for entry in ENTRIES if entry[4] == "SHA1" or entry[5] == 8]
    with tempfile.TemporaryDirectory() as folder:
        items = []
        for kind, issuer, account, key, algorithm, digits, number in entries:
            item = {"type": kind.upper(), "label": account, "issuer": issuer, "secret": base32(key), "digits": digits,
                    "algo": algorithm}
            items.append(item | {"counter" if kind == "hotp" else "period": number})
        nonce, salt = os.urandom(16), os.urandom(32)
        key = PBKDF2HMAC(hashes.SHA512(), 32, salt, 100_000).derive(PASSWORD)
        sealed = AESGCM(key).encrypt(nonce, json.dumps(items).encode() + b"\0", nonce + salt)
        Path(folder, "database.enc").write_bytes(nonce + salt + sealed)
        config = f"[config]\ndb_path={folder}/database.enc\nuse_secret_service=false\n"
        Path(folder, "otpclient.cfg").write_text(config)
        database, export = (b"DB decryption password", PASSWORD), (b"export encryption password", PASSWORD)
        # Version 3.1.4 takes andotp_plain for andotp_encrypted, and the other way round.
        for kind, questions in [("andotp_plain", [database, export]), ("andotp_encrypted", [database]),
                                ("freeotpplus", [database]), ("aegis", [database])]:
            run(["otpclient-cli", "export", "-t", kind, "-d", folder], folder, questions)
        for source, name in [("andotp_exports.json", "andotp/otpclient.json"),
                             ("andotp_exports.json.aes", "andotp/otpclient.bin"),
                             ("freeotpplus-exports.txt", "otpauth/otpclient.txt"),
                             ("aegis_export_plain.json", "aegis/otpclient.json")]:
            write(*name.split("/"), Path(folder, source).read_bytes(), entries)


if __name__ == "__main__":
    make_cotp(sys.argv[1])
    make_otpclient()
