"""A bus with users: what scripts/bus-credentials wrote for a stack, and who comes with which of it."""
import os
import pathlib
import signal
import subprocess
from unittest import mock

from support.nats import Nats
from support.stack import ROOT, SANITIZED, nats_server_binary, until

ROLES = ("aggregator", "fetcher", "api", "subscriber")


def nats_servers():
    """Debian's nats-server, and a current one where the test tools have it; the first alone where sanitizers look at us."""
    found = [nats_server_binary()]
    if SANITIZED:
        return found
    tools = subprocess.run([ROOT / "scripts/kube-tools"], capture_output=True, text=True, check=False).stdout.strip()
    current = pathlib.Path(tools or "/nowhere") / "nats-server"
    return found + ([str(current)] if current.exists() and str(current) not in found else [])


def on_every_server(test):
    """Runs a test once for each of nats_servers()."""
    def run(self):
        for binary in nats_servers():
            with self.subTest(nats_server=binary), mock.patch.dict(os.environ, NATS_SERVER=binary):
                test(self)
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def credentials(*args):
    """Runs the script; what it said when it failed, else ""."""
    done = subprocess.run([ROOT / "scripts/bus-credentials", *map(str, args)], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


class BusUsers:
    """The bus of a stack, with TLS and users."""

    def __init__(self, stack, *agents, config=""):
        """config: more of the server's."""
        self.stack, self.folder = stack, stack.folder / "bus"
        said = credentials("init", self.folder, *[word for agent in agents for word in ("--agent", agent)])
        assert not said, said
        server = self.folder / "server"
        stack.nats(f'tls {{ cert_file: "{server}/tls.crt", key_file: "{server}/tls.key" }}\ninclude "bus/server/auth.conf"\n{config}')

    def of(self, user):
        """The folder of a role or an agent."""
        return self.folder / user if user in ROLES else self.folder / "agents" / user

    def text(self, user, name):
        return (self.of(user) / name).read_text().strip()

    def env(self, user):
        """A service's settings."""
        return {"NATS_URL": self.stack.nats_url.replace("nats://", "tls://"), "NATS_TLS_CA_FILE": str(self.folder / "ca.crt"),
                "NATS_USER": self.text(user, "user"), "NATS_PASSWORD": str(self.of(user) / "password"),
                "NATS_INBOX_PREFIX": self.text(user, "inbox-prefix")}

    def client(self, user):
        return Nats(self.stack.nats_port, self.text(user, "user"), self.text(user, "password"), ca=self.folder / "ca.crt",
                    inbox=self.text(user, "inbox-prefix"))

    def reload(self):
        """The server reads its users again."""
        server = self.stack.nats_process
        before = server.text().count("Reloaded server configuration")
        server.child.send_signal(signal.SIGHUP)
        until("the server has reloaded", lambda: server.text().count("Reloaded server configuration") > before)

    def take_right(self, user, subject):
        """Takes one subject away from a user in the server's file, and has it read; what gives it back."""
        file = self.folder / "server/auth.conf"
        text = file.read_text()
        at = text.index(f'user: "{self.text(user, "user")}"')
        assert f'"{subject}"' in text[at:], f"{user}: no {subject}"
        file.write_text(text[:at] + text[at:].replace(f'"{subject}"', '"taken.away"', 1))
        self.reload()

        def give_back():
            file.write_text(text)
            self.reload()
        return give_back

    def violations(self):
        return [line for line in self.stack.nats_process.text().splitlines() if "iolation" in line]
