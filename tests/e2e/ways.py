#!/usr/bin/python3
"""ways - every way to a server and every way to sign in that an account file can name, through real servers, with
both programs: implicit TLS and STARTTLS, client certificate, proxy, tunnel, UNIX socket, source address; each
mechanism; each place that a password can come from.

run: limit=240
"""
import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import between  # noqa: E402
import lab      # noqa: E402
import tap      # noqa: E402

NAME = "mail.example.test"  # in the certificate, and in no name service
SERVERS = (("smtp", "SUBMISSION"), ("imap", "IMAP"), ("pop3", "POP3"))
TUNNEL = """import os, select, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
open(sys.argv[1], "a").write("called\\n")
while True:
    for end in select.select([0, s], [], [])[0]:
        data = os.read(0, 65536) if end == 0 else s.recv(65536)
        if not data:
            sys.exit(0)
        s.sendall(data) if end == 0 else os.write(1, data)
"""


def letter(text):
    return f"From: ada@example.test\nTo: ada@example.test\nSubject: {text}\n\n{text}\n".encode()


def carry(house, ada, protocol, what, mechanism=None, env=(), **options):
    """One message goes that way: out for smtp, in for the others. Options of [account] begin with account_; the
    conversation must name the mechanism."""
    account = {k[8:]: options.pop(k) for k in list(options) if k.startswith("account_")}
    house.clear()
    what = f"{protocol}: {what}"
    if protocol == "smtp":
        ada.account(send=options, **account)
        result = ada.run("tappal-sendmail", "-v", "-t", stdin=letter(what), **dict(env))
        good = result.status == 0 and not ada.queue() and len(house.received()) == 1
    else:
        shutil.rmtree(ada.state / "fetch", ignore_errors=True)  # each way is another server
        house.put(letter(what).replace(b"\n", b"\r\n"))
        ada.account(fetch={"protocol": protocol, **options}, **account)
        before = len(ada.fetched())
        result = ada.run("tappal-fetch", "-v", **dict(env))
        good = result.status == 0 and len(ada.fetched()) == before + 1
    tap.ok(good, f"{what}: it arrives", result, *ada.queue())
    said = result.out + result.err
    if mechanism:
        tap.matches(said, rf"(AUTH|AUTHENTICATE) {mechanism}\b", f"{what}: by {mechanism}")
    tap.ok(house.site["PASSWORD"] not in said, f"{what}: the password is not shown", said)
    for ident in ada.queue():
        ada.run("tappal", "queue", "remove", ident)
    return result


def ways_to_the_server(house, ada):
    tunnel, called = ada.home / "a tunnel.py", ada.home / "called"
    tunnel.write_text(TUNNEL)
    for protocol, name in SERVERS:
        plain, implicit = house.site[name + "_PORT"], house.site[name + "S_PORT"]
        carry(house, ada, protocol, "STARTTLS", port=plain, tls="starttls")
        carry(house, ada, protocol, "host:port, port 'implicit'", host=f"localhost:{implicit}", port=None)
        carry(house, ada, protocol, "an address as host", host="127.0.0.1", port=implicit)
        carry(house, ada, protocol, "tls = off on loopback", port=plain, tls="off", tls_ca=None)
        carry(house, ada, protocol, "tls_host", host="127.0.0.3", port=implicit, tls_host="other.example.test")
        with between.Forwarder(int(implicit)) as forwarder:
            carry(house, ada, protocol, "source_ip", host="127.0.0.1", port=forwarder.port, source_ip="127.0.0.77")
            tap.same(set(forwarder.callers), {"127.0.0.77"}, f"{protocol}: the server sees source_ip")
        with between.Socks(b"eve", b"pass:word") as socks:
            proxy = f"socks5://eve:pass%3Aword@127.0.0.1:{socks.port}"
            said = carry(house, ada, protocol, "a SOCKS proxy", host=NAME, port=implicit, proxy=proxy)
            tap.same(set(socks.names), {(NAME, int(implicit))}, f"{protocol}: the proxy is given the name")
            tap.ok("pass:word" not in said.err + said.out and "pass%3A" not in said.err + said.out, f"{protocol}: the proxy's password is not shown", said)
        path = pathlib.Path(house.dir, f"{protocol}.sock")
        with between.Forwarder(int(implicit), unix=path):
            carry(house, ada, protocol, "a UNIX socket, TLS within", host=NAME, port=None, socket=path)
        with between.Forwarder(int(plain), unix=f"{path}2"):
            carry(house, ada, protocol, "a UNIX socket, tls = off", host=None, port=None, socket=f"{path}2", tls="off", tls_ca=None)
        called.unlink(missing_ok=True)
        carry(house, ada, protocol, "a tunnel", host=NAME, port=None, tunnel=f"/usr/bin/python3 '{tunnel}' {called} {implicit}")
        tap.ok(called.exists(), f"{protocol}: the tunnel was the way")


def ways_to_sign_in(house, ada):
    certs = pathlib.Path(house.site["CA"]).parent
    ours = {"tls_cert": certs / "client.pem", "tls_key": certs / "client.key"}
    for protocol, name in SERVERS:
        port = house.site[name + "S_PORT"]
        for auth, mechanism in (("auto", "SCRAM-SHA-256"), ("scram", "SCRAM-SHA-256"), ("plain", "PLAIN"), ("login", "LOGIN"), ("cram-md5", "CRAM-MD5")):
            carry(house, ada, protocol, f"auth = {auth}", mechanism, port=port, auth=auth)
        carry(house, ada, protocol, "auth = external", "EXTERNAL", port=port, auth="external", password_from="file /nonexistent/never/asked", **ours)
        carry(house, ada, protocol, "external behind STARTTLS", "EXTERNAL", port=house.site[name + "_PORT"], tls="starttls", auth="external", **ours)
        carry(house, ada, protocol, "a client certificate beside a password", "SCRAM-SHA-256", port=port, auth="scram", **ours)


def keep_in_keyring(ada, ring, password, *attributes):
    subprocess.run(["secret-tool", "store", "--label=test", *attributes], input=password.encode(), env={**ada.env, **ring}, check=True, timeout=30)


def places_of_passwords(house, ada):
    password, user = house.site["PASSWORD"], house.site["USER"]
    for protocol, name in SERVERS:
        port = house.site[name + "S_PORT"]
        said = {"port": port, "account_password_from": None}
        ada.write(ada.home / ".netrc", f"machine localhost login {user} password \"{password}\"\n")
        carry(house, ada, protocol, "netrc", **said, password_from="netrc")
        (ada.home / ".netrc").unlink()
        script = ada.home / "say it.sh"
        ada.write(script, f'#!/bin/sh\n[ "$#" = 1 ] && [ "$1" = "a b;c" ] && printf "%s\\nnot this\\n" "{password}"\n')
        script.chmod(0o700)
        carry(house, ada, protocol, "command", **said, password_from=f"command '{script}' \"a b;c\"")
        carry(house, ada, protocol, "command by a shell", **said, password_from=f"command sh: printf 'x%s\\n' '{password}' | cut -c2-")
        folder = ada.home / "credentials"
        folder.mkdir(exist_ok=True)
        ada.write(folder / "mail-password", password)
        carry(house, ada, protocol, "credential", env={"CREDENTIALS_DIRECTORY": str(folder)}, **said, password_from="credential mail-password")
        carry(house, ada, protocol, "the first place that has one", **said, password_from=f"credential none, netrc, command '{script}' \"a b;c\"")
        for who, attributes in (("msmtp and mpop", ("host", "localhost", "service", protocol, "user", user)),
                                ("secret-tool's network entries", ("server", "localhost", "protocol", protocol, "user", user))):
            ring = {"SECRET_BACKEND": "file", "SECRET_FILE_TEST_PATH": str(ada.home / f"ring-{protocol}-{len(attributes)}{attributes[0]}"), "SECRET_FILE_TEST_PASSWORD": "x"}
            keep_in_keyring(ada, ring, password, *attributes)
            carry(house, ada, protocol, f"keyring, kept by {who}", env=ring, **said, password_from="keyring")


class Terminal:
    """A shell command on a terminal of its own; the password is typed whenever it is asked for."""

    def __init__(self, person, command, password):
        self.said, self.asked = b"", 0
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(person.home)
            os.execve("/bin/sh", ["sh", "-c", command], person.env)
        until = time.monotonic() + 40
        while time.monotonic() < until and select.select([fd], [], [], 40)[0]:
            try:
                chunk = os.read(fd, 4096)
            except OSError:
                break
            self.said += chunk
            if self.said.count(b"Password of") > self.asked:
                self.asked += 1
                os.write(fd, password.encode() + b"\n")
        self.status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(fd)

    def __str__(self):
        return f"status {self.status}, asked {self.asked} times: {self.said!r}"


def prompt(house, ada):
    """Asked for on the terminal, where a person sits: not by tappal-sendmail, whose deliverer has none."""
    house.clear()
    house.put(letter("asked").replace(b"\n", b"\r\n"))
    ada.account(password_from="prompt")
    fetched = Terminal(ada, "tappal-fetch", house.site["PASSWORD"])
    tap.ok(fetched.asked == 1 and fetched.status == 0 and len(ada.fetched()) == 1, "prompt: tappal-fetch asks on the terminal", fetched)

    house.clear()
    (ada.home / "in").write_bytes(letter("asked"))
    first = Terminal(ada, "tappal-sendmail -t <in", house.site["PASSWORD"])
    tap.ok(first.status == 77 and b"terminal" in first.said and not ada.queue(), "prompt: tappal-sendmail, first set-up: 77, nothing kept", first)
    kept = ada.run("tappal-sendmail", "-t", stdin=letter("asked"))
    tap.ok(kept.status == 0 and not kept.err and len(ada.queue()) == 1, "prompt: tappal-sendmail keeps the message", kept)
    sent = Terminal(ada, "tappal queue run", house.site["PASSWORD"])
    tap.ok(sent.asked == 1 and sent.status == 0 and len(house.received()) == 1 and not ada.queue(), "prompt: tappal queue run asks on the terminal", sent)
    for shown in (fetched, first, sent):
        tap.ok(house.site["PASSWORD"].encode() not in shown.said, "prompt: what is typed is not shown")


def main():
    with lab.Lab() as house:
        for part in (ways_to_the_server, ways_to_sign_in, places_of_passwords, prompt):
            part(house, house.person(part.__name__))
    tap.done()


main()
