#!/usr/bin/env python3
"""Writes the fixtures of authenticators with independent implementations of their formats.

Run by hand, with cryptography, argon2-cffi and PyNaCl from PyPI and a JDK:

    tests/data/interchange/make_encrypted.py

cotp/ and the files of otpclient come from those programs themselves (make_with_programs.py). Every password is `correct horse`,
every seed is made up. Files named `default` cost as much as the real ones, the others little, so that a test can open
them a thousand times.
"""

import base64
import hashlib
import json
import os
import struct
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import nacl.bindings as sodium
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

HERE = Path(__file__).resolve().parent
PASSWORD = "correct horse".encode()


def seed(name: str, length: int = 20) -> bytes:
    return hashlib.sha512(("made up: " + name).encode()).digest()[:length]


def base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# type, issuer, account, seed, algorithm, digits, period or counter
ENTRIES = [
    ("totp", "Amazon Web Services", "alice@123456789012", seed("aws", 40), "SHA1", 6, 30),
    ("totp", "Bank", "alice", seed("bank"), "SHA256", 8, 60),
    ("totp", "", "only an account", seed("alone", 10), "SHA1", 6, 30),
    ("totp", "Zürich 🔑", "jürgen@example.org", seed("umlaut", 64), "SHA512", 7, 30),
    ("hotp", "Token", "bob", seed("token"), "SHA1", 6, 42),
]
STEAM = ("steam", "Steam", "gamer", seed("steam"), "SHA1", 5, 30)


def uri(kind, issuer, account, key, algorithm, digits, number):
    """As the Key Uri Format says, with all that is the default left out, as AWS does."""
    q = lambda text: quote(text, safe="-._~@")
    text = f"otpauth://{kind}/" + (q(issuer) + ":" if issuer else "") + q(account) + "?secret=" + base32(key)
    if issuer:
        text += "&issuer=" + q(issuer)
    if algorithm != "SHA1":
        text += "&algorithm=" + algorithm
    if digits != 6:
        text += f"&digits={digits}"
    if kind == "totp" and number != 30:
        text += f"&period={number}"
    if kind == "hotp":
        text += f"&counter={number}"
    return text


def write(folder: str, name: str, content, entries, skipped=()):
    """The file, and beside it what is to be read: URIs, then what is left out, each as `skipped NAME`."""
    path = HERE / folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    lines = [uri(*entry) for entry in entries] + [f"skipped {name}" for name in skipped]
    path.with_name(name + ".expected").write_text("\n".join(lines) + "\n")


def pbkdf2(algorithm, salt, iterations):
    return PBKDF2HMAC(algorithm, 32, salt, iterations).derive(PASSWORD)


# ---- Aegis


def aegis_entry(kind, issuer, account, key, algorithm, digits, number):
    info = {"secret": base32(key), "algo": algorithm, "digits": digits}
    info["counter" if kind == "hotp" else "period"] = number
    return {"type": kind, "uuid": "01234567-89ab-cdef-0123-456789abcdef", "name": account, "issuer": issuer,
            "note": "", "favorite": False, "icon": None, "info": info, "groups": []}


def aegis(version=3):
    others = [
        aegis_entry(*STEAM),
        {"type": "motp", "uuid": "x", "name": "m", "issuer": "Motp", "note": "", "icon": None,
         "info": {"secret": "GEZDGNBV", "algo": "MD5", "digits": 6, "period": 10, "pin": "1234"}},
        {"type": "yandex", "uuid": "x", "name": "y", "issuer": "Yandex", "note": "", "icon": None,
         "info": {"secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY", "algo": "SHA256", "digits": 8, "period": 30, "pin": "1234"}},
        aegis_entry("totp", "Old", "md5", seed("md5"), "MD5", 6, 30),
    ]
    return {"version": version, "entries": [aegis_entry(*entry) for entry in ENTRIES] + others, "groups": []}


AEGIS_SKIPPED = ["Steam:gamer", "Motp:m", "Yandex:y", "Old:md5"]


def aegis_sealed(slots):
    """`slots`: (type, password, n). The master key is encrypted once for each."""
    master = os.urandom(32)

    def seal(key, data):
        nonce = os.urandom(12)
        sealed = AESGCM(key).encrypt(nonce, data, None)
        return sealed[:-16], {"nonce": nonce.hex(), "tag": sealed[-16:].hex()}

    written = []
    for kind, password, n in slots:
        salt = os.urandom(32)
        key = Scrypt(salt, 32, n, 8, 1).derive(password) if kind == 1 else os.urandom(32)
        sealed, params = seal(key, master)
        slot = {"type": kind, "uuid": "01234567-89ab-cdef-0123-456789abcdef", "key": sealed.hex(), "key_params": params}
        if kind == 1:
            slot |= {"n": n, "r": 8, "p": 1, "salt": salt.hex(), "repaired": True, "is_backup": False}
        written.append(slot)
    sealed, params = seal(master, json.dumps(aegis(), indent=4).encode())
    # Aegis escapes slashes.
    db = b64(sealed)
    text = json.dumps({"version": 1, "header": {"slots": written, "params": params}, "db": db}, indent=4)
    return text.replace("/", "\\/")


def make_aegis():
    plain = {"version": 1, "header": {"slots": None, "params": None}, "db": aegis()}
    write("aegis", "plain.json", json.dumps(plain, indent=4, ensure_ascii=False), ENTRIES, AEGIS_SKIPPED)
    write("aegis", "default.json", aegis_sealed([(1, PASSWORD, 32768)]), ENTRIES, AEGIS_SKIPPED)
    slots = [(2, b"", 0), (1, b"another password", 16), (1, PASSWORD, 16)]
    write("aegis", "slots.json", aegis_sealed(slots), ENTRIES, AEGIS_SKIPPED)


# ---- 2FAS


def two_fas_service(kind, issuer, account, key, algorithm, digits, number):
    otp = {"link": "otpauth://…", "label": f"{issuer}:{account}", "account": account, "issuer": issuer or None,
           "digits": digits, "algorithm": algorithm, "tokenType": kind.upper(), "source": "Link"}
    otp["counter" if kind == "hotp" else "period"] = number
    return {"name": issuer, "secret": base32(key), "updatedAt": 1700000000000, "otp": otp, "order": {"position": 0},
            "icon": {"selected": "Label", "label": {"text": "AB", "backgroundColor": "Red"}}}


def two_fas(services, **others):
    return json.dumps({"services": services, "groups": [], "updatedAt": 1700000000000, "schemaVersion": 4,
                       "appVersionCode": 5000029, "appVersionName": "5.4.7", "appOrigin": "android"} | others)


def make_two_fas():
    services = [two_fas_service(*entry) for entry in ENTRIES + [STEAM]]
    # What 2FAS leaves out, it takes for the usual.
    services.append({"name": "Bare", "secret": base32(seed("bare")), "otp": {"tokenType": None, "digits": None}})
    entries = ENTRIES + [("totp", "Bare", "", seed("bare"), "SHA1", 6, 30)]
    write("two_fas", "plain.2fas", two_fas(services), entries, ["Steam:gamer"])
    write("two_fas", "schema_2.2fas", two_fas(services, schemaVersion=2), entries, ["Steam:gamer"])
    salt = os.urandom(256)
    key = pbkdf2(hashes.SHA256(), salt, 10_000)

    def seal(data):
        nonce = os.urandom(12)
        return ":".join(b64(part) for part in (AESGCM(key).encrypt(nonce, data, None), salt, nonce))

    sealed = two_fas([], servicesEncrypted=seal(json.dumps(services).encode()), reference=seal(b"x" * 256))
    write("two_fas", "default.2fas", sealed, entries, ["Steam:gamer"])


# ---- andOTP


def make_andotp():
    def item(kind, issuer, account, key, algorithm, digits, number):
        entry = {"secret": base64.b32encode(key).decode(), "issuer": issuer, "label": account, "digits": digits,
                 "type": kind.upper(), "algorithm": algorithm, "thumbnail": "Default", "last_used": 0,
                 "used_frequency": 0}
        entry["counter" if kind == "hotp" else "period"] = number
        return entry | {"tags": []}

    items = [item(*entry) for entry in ENTRIES + [STEAM]]
    items.append({"secret": base32(seed("first")), "label": "First - carol", "period": 30, "digits": 6})
    entries = ENTRIES + [("totp", "First", "carol", seed("first"), "SHA1", 6, 30)]
    text = json.dumps(items)
    write("andotp", "plain.json", text, entries, ["Steam:gamer"])
    for name, iterations in [("default.bin", 150_000), ("new.bin", 2)]:
        salt, nonce = os.urandom(12), os.urandom(12)
        key = pbkdf2(hashes.SHA1(), salt, iterations)
        sealed = struct.pack(">i", iterations) + salt + nonce + AESGCM(key).encrypt(nonce, text.encode(), None)
        write("andotp", name, sealed, entries, ["Steam:gamer"])
    nonce = bytes([200]) + os.urandom(11)
    key = hashlib.sha256(PASSWORD).digest()
    write("andotp", "old.bin", nonce + AESGCM(key).encrypt(nonce, text.encode(), None), entries, ["Steam:gamer"])


# ---- FreeOTP


def signed(data: bytes):
    return [byte - 256 if byte > 127 else byte for byte in data]


def freeotp_token(kind, issuer, account, key, algorithm, digits, number):
    return {"algo": algorithm, "counter": number if kind == "hotp" else 0, "digits": digits, "issuerExt": issuer,
            "issuerInt": issuer, "label": account, "period": 30 if kind == "hotp" else number, "secret": signed(key),
            "type": kind.upper()}


def make_freeotp():
    steam = ("totp", "Steam", "gamer", seed("steam"), "SHA1", 5, 30)
    tokens = [freeotp_token(*entry) for entry in ENTRIES + [steam]]
    order = [f"{token['issuerExt']}:{token['label']}" for token in tokens]
    text = json.dumps({"tokenOrder": order, "tokens": tokens}, ensure_ascii=False)
    write("freeotp", "plus.json", text, ENTRIES, ["Steam:gamer"])

    escape = lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    strings = [f'    <string name="{escape(name)}">{escape(json.dumps(token, ensure_ascii=False))}</string>'
               for name, token in zip(order, tokens)]
    strings.insert(2, f'    <string name="tokenOrder">{escape(json.dumps(order, ensure_ascii=False))}</string>')
    head = "<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\n<map>\n"
    write("freeotp", "tokens.xml", head + "\n".join(strings) + "\n</map>\n", ENTRIES, ["Steam:gamer"])

    # The map of FreeOTP 2 is written, and its seeds are encrypted, by Java itself.
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["javac", "-d", folder, HERE / "freeotp" / "Backup.java"], check=True)
        for name, iterations, algorithm in [("default.xml", 100_000, "PBKDF2withHmacSHA512"),
                                            ("sha1.xml", 2, "PBKDF2withHmacSHA1")]:
            lines = [f"{PASSWORD.decode()}\t{iterations}\t{algorithm}"]
            for token in tokens:
                lines.append(f"{bytes(b & 255 for b in token['secret']).hex()}\tHmac{token['algo']}\t"
                             + json.dumps({key: value for key, value in token.items() if key != "secret"},
                                          ensure_ascii=False))
            backup = subprocess.run(["java", "-Dfile.encoding=UTF-8", "-cp", folder, "Backup"],
                                    input="\n".join(lines).encode(), stdout=subprocess.PIPE, check=True)
            write("freeotp", name, backup.stdout, ENTRIES, ["Steam:gamer"])


# ---- Ente Auth


def ente_uri(entry, display):
    kind, issuer, account, key, algorithm, digits, number = entry
    label = quote(f"{issuer}:{account}" if issuer else account, safe=":@")
    numbers = f"period=30&counter={number}" if kind == "hotp" else f"period={number}"
    display = quote(json.dumps(display, separators=(",", ":")), safe="")
    return (f"otpauth://{kind}/{label}?secret={base32(key)}&issuer={quote(issuer, safe='')}&algorithm={algorithm.lower()}"
            f"&digits={digits}&{numbers}&codeDisplay={display}")


def make_ente():
    display = {"pinned": False, "trashed": False, "lastUsedAt": 0, "tapCount": 3, "tags": ["a+b"]}
    thrown = ("totp", "Old", "thrown away", seed("trash"), "SHA1", 6, 30)
    lines = [ente_uri(entry, display) for entry in ENTRIES + [STEAM]] + [ente_uri(thrown, display | {"trashed": True})]
    lines[0] = ente_uri(ENTRIES[0], display | {"note": "n" * 5000})
    text = "\n".join(lines)
    skipped = ["Steam:gamer", "Old:thrown away"]
    write("ente", "plain.txt", text, ENTRIES, skipped)

    def seal(text, ops, memory, tag):
        salt = os.urandom(16)
        key = sodium.crypto_pwhash_alg(32, PASSWORD, salt, ops, memory, sodium.crypto_pwhash_ALG_ARGON2ID13)
        state = sodium.crypto_secretstream_xchacha20poly1305_state()
        header = sodium.crypto_secretstream_xchacha20poly1305_init_push(state, key)
        sealed = sodium.crypto_secretstream_xchacha20poly1305_push(state, text, None, tag)
        return json.dumps({"version": 1, "kdfParams": {"memLimit": memory, "opsLimit": ops, "salt": b64(salt)},
                           "encryptedData": b64(sealed), "encryptionNonce": b64(header)})

    message, final = 0, 3
    write("ente", "default.json", seal(text.encode(), 4, 1 << 30, message), ENTRIES, skipped)
    write("ente", "phone.json", seal(text.encode(), 16, 256 << 20, message), ENTRIES, skipped)
    short = "\n".join([ente_uri(ENTRIES[0], display)] + lines[1:])
    write("ente", "final.json", seal(short.encode(), 1, 8192, final), ENTRIES, skipped)


# ---- Proton Authenticator


def make_proton():
    items = [{"id": "a19e0019-47e3-4d3b-af63-6dad0cb49e31",
              "content": {"uri": uri(*entry), "entry_type": "Totp", "name": entry[2]}, "note": None}
             for entry in ENTRIES]
    items.append({"id": "x", "content": {"uri": "steam://" + base32(STEAM[3]), "entry_type": "Steam", "name": "gamer"},
                  "note": None})
    text = json.dumps({"version": 1, "entries": items})
    write("proton", "plain.json", text, ENTRIES, ["gamer"])
    salt, nonce = os.urandom(16), os.urandom(12)
    key = hash_secret_raw(PASSWORD, salt, 2, 19 * 1024, 1, 32, Type.ID)
    sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), b"proton.authenticator.export.v1")
    write("proton", "default.json", json.dumps({"version": 1, "salt": b64(salt), "content": b64(sealed)}), ENTRIES,
          ["gamer"])


if __name__ == "__main__":
    make_aegis()
    make_two_fas()
    make_andotp()
    make_freeotp()
    make_ente()
    make_proton()
