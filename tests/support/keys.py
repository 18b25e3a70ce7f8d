"""Keys of NATS users for tests, with their JWTs, made anew each time with openssl."""
import base64
import binascii
import json
import time

from support.pki import openssl

# First bytes of keys, so that base32 begins with O, A, U and S.
OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3


class NatsKey:
    """An Ed25519 key as NATS writes it: base32 of a kind, 32 bytes, and a CRC-16."""

    def __init__(self, folder, name, kind):
        self.file = folder / f"{name}.ed25519"
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.file)
        private = openssl("pkey", "-in", self.file, "-outform", "DER")[-32:]
        public = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")[-32:]
        self.name, self.public = name, self.text(bytes([kind]) + public)
        self.seed = self.text(bytes([SEED | kind >> 5, (kind & 31) << 3]) + private)

    @staticmethod
    def text(raw):
        crc = binascii.crc_hqx(raw, 0)
        return base64.b32encode(raw + bytes([crc & 255, crc >> 8])).decode().rstrip("=")

    def jwt(self, subject, claims):
        """A JWT about the subject's key, signed by this one."""
        encode = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=")
        body = {"jti": subject.public[:20], "iat": int(time.time()), "iss": self.public, "name": subject.name,
                "sub": subject.public, "nats": {"version": 2, **claims}}
        text = encode(b'{"typ":"JWT","alg":"ed25519-nkey"}') + b"." + encode(json.dumps(body).encode())
        to_sign = self.file.with_suffix(".to-sign")
        to_sign.write_bytes(text)
        signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", to_sign)
        return (text + b"." + encode(signature)).decode()


UNLIMITED = {name: -1 for name in ("subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage", "disk_storage",
                                   "streams", "consumer")}


class NatsOperator:
    """An operator with a system account and one for Opvic; the server's configuration, and users' credentials."""

    def __init__(self, folder):
        self.folder = folder
        self.operator = NatsKey(folder, "operator", OPERATOR)
        self.account, system = (NatsKey(folder, name, ACCOUNT) for name in ("opvic", "system"))
        limits = {"type": "account", "limits": {**UNLIMITED, "wildcards": True}}
        system_limits = {"type": "account", "limits": {**UNLIMITED, "wildcards": True, "mem_storage": 0, "disk_storage": 0, "streams": 0, "consumer": 0}}
        accounts = {self.account: limits, system: system_limits}
        preload = "\n".join(f"  {a.public}: {self.operator.jwt(a, claims)}" for a, claims in accounts.items())
        self.config = (f"operator: {self.operator.jwt(self.operator, {'type': 'operator'})}\nresolver: MEMORY\n"
                       f"system_account: {system.public}\nresolver_preload: {{\n{preload}\n}}\n")

    def credentials(self, name):
        """The file that a user is given."""
        user = NatsKey(self.folder, name, USER)
        jwt = self.account.jwt(user, {"type": "user", "subs": -1, "data": -1, "payload": -1})
        file = self.folder / f"{name}.creds"
        file.write_text(f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
                        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")
        return file
