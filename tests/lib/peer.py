#!/usr/bin/python3
"""peer - a scripted mail server for tests: plays one side of a conversation and says whether it went so.

    peer.py [OPTIONS] SCRIPT                  prints "port N", serves, prints the transcript
    peer.py [OPTIONS] SCRIPT -- COMMAND ...   serves while COMMAND runs ("{port}" and "{ca}" in its words are
                                              filled in, PEER_PORT and PEER_CA set; its stdout goes to our
                                              stderr), prints the transcript and "exit N"
    peer.py --make-certs DIR                  DIR/ca.pem, server.pem, server.key for localhost, 127.0.0.1, ::1
                                              and mail.example.test (by certtool; kept if they are there)
    --tls            TLS from the first byte        --certs DIR   as above, made when missing (for --tls, starttls)
    --unix PATH      a UNIX socket, not TCP         --limit SECONDS   for all of it; 30
SCRIPT "-" is stdin. Exit status 0: the conversation went as the script says (and COMMAND, if any, ended).
In Python: `with Peer(script_text, tls=False, certs=None) as peer: ... peer.port ...`, then peer.transcript (a list
of lines) and peer.good.

Script, one step a line; '#' begins a comment line, leading blanks do not count:
    S: TEXT          sends TEXT and CRLF                C: PATTERN       expects a line; * and ? as in a shell
    S| TEXT          sends TEXT without CRLF; \\r \\n \\0 \\xHH \\t \\\\ are read in it (in S: they are not)
    S< FILE          sends the bytes of FILE            data             expects lines up to a lone "."
    read N           expects N bytes                    eof              expects the peer to close
    starttls         handshakes here (drops nothing)    delay SECONDS    waits
    drip SECONDS TEXT   sends TEXT CRLF byte by byte    close            closes, with close_notify under TLS
    cut              closes without close_notify        reset            closes by RST
    next             takes the next connection          repeat N ... end the steps between, N times
    deflate [N]      compresses from here on (RFC 4978); cuts behind N compressed octets of ours
`{word}` (small letters) in C: keeps the blank-free text found there; in S:, S| and read it stands for that text, so
that IMAP tags and sizes can be answered: `C: {tag} NOOP`, `S: {tag} OK done`; `C: BDAT {n} LAST`, `read {n}`.

Transcript: "+" connection, "C: ..." and "S: ..." lines, "C| ..." lines of data, "= ..." other steps, "! ..." what went
wrong. Bytes that are not ASCII text are shown as \\xHH.
"""
import argparse
import contextlib
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

TEMPLATES = {
    "ca": 'cn = "Peer CA"\nca\ncert_signing_key\nexpiration_days = 30\n',
    "server": 'cn = "peer"\ndns_name = "localhost"\ndns_name = "mail.example.test"\nip_address = "127.0.0.1"\n'
              'ip_address = "::1"\ntls_www_server\nsigning_key\nexpiration_days = 30\n',
}


def make_certs(folder):
    """Makes the test CA and the server's certificate where they are missing."""
    path = lambda name: os.path.join(folder, name)
    if os.path.exists(path("server.pem")):
        return
    os.makedirs(folder, exist_ok=True)
    tool = lambda *args: subprocess.run(("certtool",) + args, check=True, stderr=subprocess.DEVNULL)
    for name, text in TEMPLATES.items():
        with open(path(name + ".template"), "w", encoding="ascii") as f:
            f.write(text)
        tool("--generate-privkey", "--ecc", "--outfile", path(name + ".key"))
    tool("--generate-self-signed", "--load-privkey", path("ca.key"), "--template", path("ca.template"),
         "--outfile", path("ca.pem"))
    tool("--generate-certificate", "--load-ca-certificate", path("ca.pem"), "--load-ca-privkey", path("ca.key"),
         "--load-privkey", path("server.key"), "--template", path("server.template"),
         "--outfile", path("server.pem"))


def parse(text):
    """The steps as (verb, argument), with repeat expanded."""
    stack = [(1, [])]
    for line in text.splitlines():
        line = line.lstrip()
        if not line or line.startswith("#"):
            continue
        marked = re.match(r"([SC]:|S\||S<) ?(.*)", line)
        verb, argument = marked.groups() if marked else (line.split(None, 1) + [""])[:2]
        if verb == "repeat":
            stack.append((int(argument), []))
        elif verb == "end":
            count, steps = stack.pop()
            stack[-1][1].extend(steps * count)
        else:
            stack[-1][1].append((verb, argument.rstrip("\n")))
    if len(stack) != 1:
        raise ValueError("repeat without end")
    return stack[0][1]


def shown(data):
    """Bytes as one line of ASCII."""
    return "".join(chr(b) if 0x20 <= b < 0x7F else "\\x%02x" % b for b in data)


class Wrong(Exception):
    """The conversation did not go as the script says."""


class Deflated:
    """A socket with compression above it, for as many octets of ours as `most` says."""

    def __init__(self, sock, early, most):
        self.sock, self.most = sock, most
        self.unpack, self.pack = zlib.decompressobj(-15), zlib.compressobj(wbits=-15)
        self.early = self.unpack.decompress(early)

    def recv(self, size):
        text, self.early = self.early, b""
        while not text:
            data = self.sock.recv(size)
            if not data:
                return b""
            text = self.unpack.decompress(data)
        return text

    def sendall(self, text):
        data = self.pack.compress(text) + self.pack.flush(zlib.Z_SYNC_FLUSH)
        self.sock.sendall(data[:self.most])
        if self.most is not None and self.most <= len(data):
            self.sock.close()
            raise Wrong("cut")
        self.most = self.most and self.most - len(data)

    def __getattr__(self, name):
        return getattr(self.sock, name)


class Conversation:
    """The steps of a script, played over the connections that `accept` hands out."""

    def __init__(self, accept, transcript, context, implicit):
        self.accept, self.say = accept, transcript.append
        self.context, self.implicit = context, implicit
        self.sock, self.buffer, self.words = None, b"", {}

    def play(self, steps):
        self.do_next("")
        for verb, argument in steps:
            method = {"S:": self.send_line, "C:": self.expect_line, "S|": self.send_raw, "S<": self.send_file}.get(
                verb) or getattr(self, "do_" + verb, None)
            if not method:
                raise Wrong("unknown step: " + verb)
            method(argument)
        self.do_close("", silent=True)

    # -- steps --

    def do_next(self, _):
        self.do_close("", silent=True)
        self.sock, self.buffer = self.accept(), b""
        self.say("+ connection")
        if self.implicit:
            self.handshake()

    def do_starttls(self, _):
        self.say("= starttls")
        self.handshake()

    def do_deflate(self, most):
        self.say("= deflate")
        self.sock, self.buffer = Deflated(self.sock, self.buffer, int(most) if most else None), b""

    def do_delay(self, seconds):
        time.sleep(float(seconds))

    def do_drip(self, argument):
        seconds, text = argument.split(None, 1)
        self.say("S: " + text)
        for byte in text.encode() + b"\r\n":
            self.sock.sendall(bytes([byte]))
            time.sleep(float(seconds))

    def do_close(self, _, silent=False):
        if not self.sock:
            return
        if not silent:
            self.say("= close")
        try:
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.settimeout(0.2)  # it waits for the other side's close_notify
                self.sock.unwrap()
        except (OSError, ValueError):
            pass
        self.sock.close()
        self.sock = None

    def do_cut(self, _):
        self.say("= cut")
        self.sock.close()
        self.sock = None

    def do_reset(self, _):
        self.say("= reset")
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        self.sock = None

    def do_eof(self, _):
        if self.buffer or self.receive():
            raise Wrong("expected the end, got: " + shown(self.buffer))
        self.say("= eof")

    def do_read(self, argument):
        count = int(self.fill_in(argument))
        while len(self.buffer) < count:
            self.need_more("%d bytes" % count)
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        for line in data.split(b"\r\n"):
            self.say("C| " + shown(line))

    def do_data(self, _):
        line = None
        while line != b".":
            line = self.line("the end of data")
            self.say("C| " + shown(line))

    def send_line(self, text):
        text = self.fill_in(text)
        self.say("S: " + text)
        self.sock.sendall(text.encode() + b"\r\n")

    def send_raw(self, text):
        data = self.fill_in(text).encode().decode("unicode_escape").encode("latin-1")
        self.say("S| " + shown(data))
        self.sock.sendall(data)

    def send_file(self, name):
        with open(name, "rb") as f:
            data = f.read()
        self.say("S< %d bytes" % len(data))
        self.sock.sendall(data)

    def expect_line(self, pattern):
        line = self.line(pattern)
        self.say("C: " + shown(line))
        found = re.fullmatch(self.to_regex(pattern), line.decode("utf-8", "surrogateescape"), re.DOTALL)
        if not found:
            raise Wrong("expected: " + pattern)
        self.words.update(found.groupdict())

    # -- means --

    def to_regex(self, pattern):
        parts = re.split(r"(\{[a-z]+\}|\*|\?)", pattern)
        known = {"*": ".*", "?": "."}
        return "".join(known.get(p) or ("(?P<%s>\\S+)" % p[1:-1] if re.fullmatch(r"\{[a-z]+\}", p) else re.escape(p))
                       for p in parts)

    def fill_in(self, text):
        return re.sub(r"\{([a-z]+)\}", lambda m: self.words.get(m[1], m[0]), text)

    def handshake(self):
        try:
            self.sock = self.context.wrap_socket(self.sock, server_side=True, suppress_ragged_eofs=False)
        except (ssl.SSLError, OSError) as e:
            raise Wrong("TLS handshake failed: " + (getattr(e, "reason", None) or type(e).__name__)) from e

    def receive(self):
        try:
            data = self.sock.recv(65536)
        except ssl.SSLEOFError:
            data = b""
        self.buffer += data
        return len(data)

    def need_more(self, what):
        if not self.receive():
            raise Wrong("the peer closed; expected: " + what + ("; it had sent: " + shown(self.buffer) if self.buffer else ""))

    def line(self, what):
        while b"\n" not in self.buffer:
            self.need_more(what)
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise Wrong("a line ended without CR: " + shown(line))
        return line[:-1]


class Peer:
    """Listens, and plays the script in a thread."""

    def __init__(self, script, tls=False, certs=None, unix=None, limit=30):
        self.steps, self.transcript, self.good = parse(script), [], False
        self.deadline = time.monotonic() + limit
        context, self.ca, self.temporary = None, None, None
        if tls or certs or any(verb == "starttls" for verb, _ in self.steps):
            if not certs:
                certs = self.temporary = tempfile.mkdtemp(prefix="tappal-peer-")
            make_certs(certs)
            self.ca = os.path.join(certs, "ca.pem")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(os.path.join(certs, "server.pem"), os.path.join(certs, "server.key"))
        self.listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.listener.bind(unix or ("127.0.0.1", 0))
        self.listener.listen(8)
        self.port = 0 if unix else self.listener.getsockname()[1]
        self.conversation = Conversation(self.accept, self.transcript, context, tls)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def accept(self):
        self.listener.settimeout(max(0.01, self.deadline - time.monotonic()))
        sock = self.listener.accept()[0]
        sock.settimeout(max(0.01, self.deadline - time.monotonic()))
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def run(self):
        try:
            self.conversation.play(self.steps)
            self.good = True
        except (Wrong, OSError) as e:
            self.transcript.append("! " + (str(e) or type(e).__name__))
        finally:
            if self.conversation.sock:
                self.conversation.sock.close()
            self.listener.close()

    def hang_up(self):
        """Nobody will call any more."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)

    def wait(self):
        self.thread.join(max(0, self.deadline - time.monotonic()) + 1)
        return self.good

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.wait()
        if self.temporary:
            shutil.rmtree(self.temporary)


def run_command(peer, command):
    """COMMAND's exit status; when it has ended, what it left unsaid is given one more second."""
    words = [w.replace("{port}", str(peer.port)).replace("{ca}", peer.ca or "") for w in command]
    env = dict(os.environ, PEER_PORT=str(peer.port), PEER_CA=peer.ca or "")
    status = subprocess.run(words, env=env, stdout=sys.stderr, check=False).returncode
    peer.deadline = min(peer.deadline, time.monotonic() + 1)
    return status


def main():
    argv, command = sys.argv[1:], []
    if "--" in argv:
        argv, command = argv[: argv.index("--")], argv[argv.index("--") + 1:]
    options = argparse.ArgumentParser(description="A scripted mail server for tests; see the head of this file.")
    options.add_argument("--tls", action="store_true")
    options.add_argument("--certs")
    options.add_argument("--make-certs")
    options.add_argument("--unix")
    options.add_argument("--limit", type=float, default=30)
    options.add_argument("script", nargs="?")
    o = options.parse_args(argv)
    if o.make_certs:
        make_certs(o.make_certs)
        return 0
    if o.script == "-":
        script = sys.stdin.read()
    else:
        with open(o.script, encoding="utf-8") as f:
            script = f.read()
    with Peer(script, o.tls, o.certs, o.unix, o.limit) as peer:
        if command:
            status = run_command(peer, command)
        else:
            print("port", peer.port, flush=True)
    print("\n".join(peer.transcript))
    if command:
        print("exit", status)
    return 0 if peer.good else 1


if __name__ == "__main__":
    sys.exit(main())
