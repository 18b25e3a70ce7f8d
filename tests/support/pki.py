"""A certificate authority of a test's own: short-lived certificates for servers and clients, made by openssl."""
import pathlib
import subprocess

DAYS = "7"
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*args, data=None):
    done = subprocess.run(["openssl", *map(str, args)], input=data, capture_output=True, check=False)
    if done.returncode:
        raise AssertionError(f"openssl {' '.join(map(str, args))}: {done.stderr.decode()}")
    return done.stdout


class Pki:
    """Files NAME.crt and NAME.key in the folder; the authority is ca.crt and ca.key."""

    def __init__(self, folder, name="test-ca"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.ca_key = self.folder / "ca.crt", self.folder / "ca.key"
        openssl("req", "-x509", *NEW_KEY, "-keyout", self.ca_key, "-out", self.ca, "-days", DAYS, "-subj", f"/CN={name}",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, subject, extension):
        """extension: a line of an openssl extensions file; (certificate, key)."""
        certificate, key, request = (self.folder / f"{name}.{end}" for end in ("crt", "key", "csr"))
        more = self.folder / f"{name}.ext"
        more.write_text(f"{extension}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        openssl("req", *NEW_KEY, "-keyout", key, "-out", request, "-subj", subject)
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-days", DAYS,
                "-out", certificate, "-extfile", more)
        return certificate, key

    def server(self, name, alternatives="IP:127.0.0.1,DNS:localhost"):
        return self.issue(name, f"/CN={name}", f"subjectAltName={alternatives}")

    def client(self, name, subject):
        return self.issue(name, subject, "extendedKeyUsage=clientAuth")

    def signing_key(self, name):
        """A key without a certificate: (private, public)."""
        private, public = self.folder / f"{name}.key", self.folder / f"{name}.pub"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private)
        openssl("ec", "-in", private, "-pubout", "-out", public)
        return private, public
