#!/usr/bin/env python3
"""Makes the fixtures of otpauth, google, keepassxc, bitwarden and pass beside this file. Run by hand.

Everything here is made without mfavault: by the programs `keepassxc-cli` (Debian: keepassxc), `pass` with `pass otp`
(pass, pass-extension-otp, gnupg) and `qrencode`, and by the Python packages cryptography and argon2-cffi. Google's
messages are put together byte by byte. The seeds are made up. `expected.txt` in each folder says what is to be read.
"""
import base64, hashlib, hmac, json, os, pathlib, subprocess, tempfile, urllib.parse

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

HERE = pathlib.Path(__file__).parent
PASSWORD = "correct horse battery staple"


def seed(text, size=20):
    return hashlib.sha256(text.encode()).digest() * 2 if size > 32 else hashlib.sha256(text.encode()).digest()[:size]


def base32(text, size=20):
    return base64.b32encode((seed(text, size))[:size]).decode().rstrip("=")


def write(name, content):
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


# --- keepassxc: an XML is imported into a database, which the real program exports again

def keepass_entry(fields, history=None):
    strings = "".join(
        f"<String><Key>{key}</Key><Value>{value.replace('&', '&amp;')}</Value></String>" for key, value in fields.items()
    )
    history = "" if history is None else f"<History>{history}</History>"
    return f"<Entry><UUID>{base64.b64encode(os.urandom(16)).decode()}</UUID>{strings}{history}</Entry>"


def keepassxc():
    aws, site, old, raw, plain = (base32(name) for name in ("k aws", "k site", "k old", "k raw", "k plain"))
    old_state = keepass_entry({"Title": "Replaced", "otp": f"otpauth://totp/Replaced?secret={plain}"})
    entries = [
        {"Title": "Amazon Web Services", "UserName": "alice@123456789012", "Password": "p,\"q\"\nr",
         "otp": f"otpauth://totp/Amazon%20Web%20Services:alice%40123456789012?secret={aws}&period=30&digits=6&issuer=Amazon%20Web%20Services"},
        {"Title": "Site, \"quoted\"", "UserName": "bob",
         "otp": f"otpauth://totp/Site:bob?secret={site}&period=60&digits=8&issuer=Site&algorithm=SHA256"},
        {"Title": "Old", "UserName": "carol", "TOTP Seed": old, "TOTP Settings": "30;8"},
        {"Title": "Keeotp", "UserName": "dave", "otp": f"key={raw}&size=8&step=45&otpHashMode=Sha512"},
        {"Title": "Steam", "UserName": "erin", "TOTP Seed": plain, "TOTP Settings": "30;S"},
        {"Title": "No code", "UserName": "frank", "Password": "secret", "Notes": "a\nb"},
    ]
    for_keepass = [
        {"Title": "KeePass", "UserName": "grace", "TimeOtp-Secret-Base32": base32("k keepass"), "TimeOtp-Length": "8",
         "TimeOtp-Period": "60", "TimeOtp-Algorithm": "HMAC-SHA-512"},
        {"Title": "Hex", "UserName": "heidi", "TimeOtp-Secret-Hex": seed("k hex").hex()},
        {"Title": "Counted", "UserName": "ivan", "HmacOtp-Secret-Base64": base64.b64encode(seed("k hotp")).decode(),
         "HmacOtp-Counter": "42"},
    ]
    xml = "".join(keepass_entry(entry, old_state if index == 0 else None) for index, entry in enumerate(entries + for_keepass))
    root, bin = (base64.b64encode(os.urandom(16)).decode() for _ in range(2))
    deleted = keepass_entry({"Title": "Deleted", "otp": f"otpauth://totp/Deleted?secret={plain}"})
    xml = ("<?xml version=\"1.0\" encoding=\"UTF-8\"?><KeePassFile><Meta><Generator>make.py</Generator>"
           f"<RecycleBinEnabled>True</RecycleBinEnabled><RecycleBinUUID>{bin}</RecycleBinUUID></Meta><Root><Group>"
           f"<UUID>{root}</UUID><Name>Root</Name>{xml}<Group><UUID>{bin}</UUID><Name>Recycle Bin</Name>{deleted}</Group>"
           "</Group></Root></KeePassFile>")
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "in.xml").write_text(xml)
        run = lambda *words: subprocess.run(
            ["keepassxc-cli", *words], cwd=folder, input=f"{PASSWORD}\n{PASSWORD}\n", text=True, check=True,
            stdout=subprocess.PIPE, env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": folder}).stdout
        run("import", "-p", "in.xml", "db.kdbx")
        for form in ("csv", "xml"):
            write(f"keepassxc/export.{form}", run("export", "-q", "-f", form, "db.kdbx"))
    common = [
        f"otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret={aws}&issuer=Amazon%20Web%20Services",
        f"otpauth://totp/Site:bob?secret={site}&issuer=Site&algorithm=SHA256&digits=8&period=60",
        f"otpauth://totp/Old:carol?secret={old}&issuer=Old&digits=8",
        f"otpauth://totp/Keeotp:dave?secret={raw}&issuer=Keeotp&algorithm=SHA512&digits=8&period=45",
    ]
    more = [
        f"otpauth://totp/KeePass:grace?secret={base32('k keepass')}&issuer=KeePass&algorithm=SHA512&digits=8&period=60",
        f"otpauth://totp/Hex:heidi?secret={base32('k hex')}&issuer=Hex",
        f"otpauth://hotp/Counted:ivan?secret={base32('k hotp')}&issuer=Counted&counter=42",
    ]
    write("keepassxc/export.xml.expected.txt", "\n".join(common + more) + "\n# skipped: Steam\n# skipped: Deleted\n")
    # In the CSV, the program writes each URI itself, with the title as the issuer.
    title = "Site%2C%20%22quoted%22"
    common[1] = common[1].replace("totp/Site:", f"totp/{title}:").replace("issuer=Site", f"issuer={title}")
    write("keepassxc/export.csv.expected.txt", "\n".join(common) + "\n# skipped: Steam\n# skipped: Deleted\n")


# --- bitwarden

def enc_string(data, enc, mac):
    padder = padding.PKCS7(128).padder()
    iv = os.urandom(16)
    encryptor = Cipher(algorithms.AES(enc), modes.CBC(iv)).encryptor()
    text = encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()
    tag = hmac.new(mac, iv + text, hashlib.sha256).digest()
    return "2." + "|".join(base64.b64encode(part).decode() for part in (iv, text, tag))


def protected(plain, kdf, iterations, memory=None, parallelism=None):
    salt = base64.b64encode(os.urandom(16)).decode()
    if kdf == 0:
        key = PBKDF2HMAC(hashes.SHA256(), 32, salt.encode(), iterations).derive(PASSWORD.encode())
    else:
        key = hash_secret_raw(PASSWORD.encode(), hashlib.sha256(salt.encode()).digest(), iterations, memory * 1024,
                              parallelism, 32, Type.ID)
    enc, mac = (HKDFExpand(hashes.SHA256(), 32, info).derive(key) for info in (b"enc", b"mac"))
    export = {"encrypted": True, "passwordProtected": True, "salt": salt, "kdfType": kdf, "kdfIterations": iterations}
    if kdf == 1:
        export |= {"kdfMemory": memory, "kdfParallelism": parallelism}
    export |= {"encKeyValidation_DO_NOT_EDIT": enc_string(b"3f1f5d0c-0a76-4f6a-9d0c-made-up", enc, mac),
               "data": enc_string(plain.encode(), enc, mac)}
    return json.dumps(export, indent=2)


def bitwarden():
    aws, site = base32("b aws", 40), base32("b site")
    item = lambda name, user, totp: {
        "id": "00000000-0000-0000-0000-000000000000", "organizationId": None, "folderId": None, "type": 1, "reprompt": 0,
        "name": name, "notes": "a, \"b\"\nc", "favorite": False,
        "login": {"uris": [{"match": None, "uri": "https://example.com"}], "username": user, "password": "hunter2", "totp": totp},
        "collectionIds": None}
    items = [
        item("Amazon Web Services", "alice", f"otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret={aws}&issuer=Amazon%20Web%20Services"),
        item("Site", "bob", site.lower()),
        item("Eight", "carol", f"otpauth://totp/Eight:carol?secret={site}&algorithm=SHA512&digits=8&period=20"),
        item("Steam", None, f"steam://{site}"),
        item("None", "dave", None),
        {"id": "1", "type": 2, "name": "A note", "notes": "n", "secureNote": {"type": 0}},
    ]
    plain = json.dumps({"encrypted": False, "folders": [], "items": items}, indent=2)
    expected = [
        f"otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret={aws}&issuer=Amazon%20Web%20Services",
        f"otpauth://totp/Site:bob?secret={site}&issuer=Site",
        f"otpauth://totp/Eight:carol?secret={site}&issuer=Eight&algorithm=SHA512&digits=8&period=20",
    ]
    import csv, io
    table = io.StringIO()
    columns = "folder favorite type name notes fields reprompt login_uri login_username login_password login_totp".split()
    writer = csv.DictWriter(table, columns)
    writer.writeheader()
    for one in items:
        login = one.get("login", {})
        writer.writerow({"type": "login" if login else "note", "name": one["name"], "notes": one["notes"], "reprompt": 0,
                         "login_username": login.get("username"), "login_password": login.get("password"),
                         "login_totp": login.get("totp")})
    write("bitwarden/plain.json", plain)
    write("bitwarden/plain.csv", table.getvalue())
    # Cheap ones, that are opened thousands of times.
    few = json.dumps({"encrypted": False, "items": [{"name": "Site", "login": {"username": "bob", "totp": site}}]})
    write("bitwarden/small-pbkdf2.json", protected(few, 0, 10))
    write("bitwarden/small-argon2id.json", protected(few, 1, 1, 1, 1))
    write("bitwarden/pbkdf2.json", protected(plain, 0, 600_000))
    write("bitwarden/argon2id.json", protected(plain, 1, 3, 64, 4))
    write("bitwarden/small.expected.txt", expected[1] + "\n")
    restricted = {"encrypted": True, "encKeyValidation_DO_NOT_EDIT": enc_string(b"x", os.urandom(32), os.urandom(32)),
                  "folders": [], "items": [{"name": enc_string(b"Site", os.urandom(32), os.urandom(32))}]}
    write("bitwarden/account-restricted.json", json.dumps(restricted, indent=2))
    write("bitwarden/expected.txt", "\n".join(expected) + "\n# skipped: Steam\n")


# --- google

def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while True:
        number, byte = number >> 7, number & 0x7F
        if not number:
            return out + bytes([byte])
        out += bytes([byte | 0x80])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def google():
    def parameters(secret, name, issuer, algorithm=1, digits=1, kind=2, counter=None):
        counted = b"" if counter is None else number(7, counter)
        # Field 8 is what newer versions write, and 15 what later ones may.
        return text(1, secret) + text(2, name) + text(3, issuer) + number(4, algorithm) + number(5, digits) + \
            number(6, kind) + counted + text(8, "made-up-id") + text(15, "later")

    def uri(entries, size, index, batch):
        payload = b"".join(text(1, entry) for entry in entries)
        payload += number(2, 1) + number(3, size) + number(4, index) + number(5, batch)
        return "otpauth-migration://offline?data=" + urllib.parse.quote(base64.b64encode(payload), safe="")

    first = [
        parameters(seed("g aws"), "Amazon Web Services:alice@123456789012", "Amazon Web Services"),
        parameters(seed("g site", 10), "bob", "Site", 2, 2),
        parameters(seed("g hotp"), "Count:carol", "", 3, 1, 1, 17),
    ]
    second = [
        parameters(seed("g md5"), "md5", "Old", 4),
        parameters(seed("g default"), "dave", "Defaults", 0, 0, 0),
        parameters(seed("g unknown"), "unknown", "Later", 1, 9),
    ]
    parts = [uri(first, 2, 0, -123456), uri(second, 2, 1, -123456)]
    write("google/parts.txt", "# two parts\n" + "\n".join(parts) + "\n")
    for index, part in enumerate(parts):
        subprocess.run(["qrencode", "-o", HERE / f"google/part-{index + 1}.png", "-s", "2", part], check=True)
    expected = [
        f"otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret={base32('g aws')}&issuer=Amazon%20Web%20Services",
        f"otpauth://totp/Site:bob?secret={base32('g site', 10)}&issuer=Site&algorithm=SHA256&digits=8",
        f"otpauth://hotp/Count:carol?secret={base32('g hotp')}&issuer=Count&algorithm=SHA512&counter=17",
        f"otpauth://totp/Defaults:dave?secret={base32('g default')}&issuer=Defaults",
    ]
    write("google/expected.txt", "\n".join(expected) + "\n# skipped: md5\n# skipped: unknown\n")


# --- pass: what the real program shows of an entry that `pass otp` was given

def pass_():
    otp = f"otpauth://totp/Site:alice?secret={base32('p site')}&issuer=Site"
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "HOME": folder, "GNUPGHOME": folder + "/gnupg", "PASSWORD_STORE_DIR": folder + "/store",
               "PASSWORD_STORE_ENABLE_EXTENSIONS": "true"}
        os.mkdir(env["GNUPGHOME"], 0o700)
        run = lambda *words, given="": subprocess.run(words, input=given, env=env, text=True, check=True, capture_output=True).stdout
        run("gpg", "--batch", "--passphrase", "", "--quick-gen-key", "made up <made-up@example.com>", "default", "default", "0")
        run("pass", "init", "made-up@example.com")
        run("pass", "insert", "-m", "aws/site", given="hunter2\nuser: alice\n")
        run("pass", "otp", "append", "-f", "aws/site", given=otp + "\n" + otp + "\n")
        write("pass/site.txt", run("pass", "show", "aws/site"))
        subprocess.run(["gpgconf", "--kill", "all"], env=env)
    write("pass/site.txt.expected.txt", otp + "\n")
    bare = base32("p bare")
    write("pass/gopass.txt", f"hunter2\n---\nuser: bob\ntotp: {bare}\nurl: https://example.com\n")
    write("pass/gopass.txt.expected.txt", f"otpauth://totp/?secret={bare}\n")


def otpauth():
    s = base32("o one")
    write("otpauth/list.txt", "\r\n".join([
        "# of the office", "", f"otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret={s}&issuer=Amazon%20Web%20Services",
        f"  otpauth://totp/Site%3Abob?secret={s.lower()}&issuer=Site&digits=8&period=60&algorithm=SHA512&image=https%3A%2F%2Fexample.com",
        f"otpauth://hotp/carol?secret={base32('o short', 10)}&counter=3", f"otpauth://steam/Steam:dave?secret={s}",
        f"otpauth://totp/Yandex:erin?secret={s}&algorithm=MD5"]) + "\r\n")
    write("otpauth/expected.txt", "\n".join([
        f"otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret={s}&issuer=Amazon%20Web%20Services",
        f"otpauth://totp/Site:bob?secret={s}&issuer=Site&algorithm=SHA512&digits=8&period=60",
        f"otpauth://hotp/carol?secret={base32('o short', 10)}&counter=3", "# skipped: Steam:dave", "# skipped: Yandex:erin"]) + "\n")


keepassxc()
bitwarden()
google()
pass_()
otpauth()
