"""pop3d - a POP3 server whose mailbox lasts: deletions take effect at QUIT, names stay, and it can be made odd.

    with Pop3d([("u1", b"Subject: a\\r\\n\\r\\na\\r\\n")]) as server:
        ... server.port ... server.mailbox ... server.commands ...

What it does wrong is an argument: `cut=N` ends the connection behind N octets that it sent; `no_uidl`, `no_top`;
`deaf=True` confirms QUIT and deletes nothing; `quit_refused`; `names=function(number, uidl)` gives other unique-ids;
`refuse={uidl}` does not hand these out.
"""
from listening import Listener


class Cut(Exception):
    """The octets that this connection may send are used up."""


def stuffed(text):
    lines = text.split(b"\r\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


class Pop3d(Listener):
    in_turn = True

    def __init__(self, mailbox, capabilities=("SASL PLAIN", "UIDL", "TOP", "PIPELINING"), cut=None, **oddities):
        super().__init__()
        self.mailbox, self.capabilities, self.cut, self.odd = list(mailbox), capabilities, cut, oddities
        self.commands, self.sent, self.was_cut = [], 0, False

    def handle(self, sock):
        with sock:
            try:
                self.session(sock, sock.makefile("rb"))
            except (Cut, OSError):
                pass

    def send(self, sock, data):
        if self.cut is not None and self.sent + len(data) >= self.cut:
            sock.sendall(data[:self.cut - self.sent])
            self.was_cut = True
            raise Cut
        sock.sendall(data)
        self.sent += len(data)

    def name(self, number, uidl):
        return self.odd["names"](number, uidl) if "names" in self.odd else uidl

    def session(self, sock, lines):
        self.sent, deleted = 0, set()
        say = lambda text: self.send(sock, text.encode() + b"\r\n")  # noqa: E731
        many = lambda rows: self.send(sock, "".join(f"{row}\r\n" for row in ("+OK", *rows, ".")).encode())  # noqa: E731
        there = lambda: [(n, m) for n, m in enumerate(self.mailbox, 1) if n not in deleted]  # noqa: E731
        say("+OK ready")
        for line in lines:
            verb, *words = line.decode().split()
            self.commands.append(line.decode().strip())
            message = self.mailbox[int(words[0]) - 1] if words and verb in ("RETR", "TOP", "DELE") else None
            if verb == "CAPA":
                many(self.capabilities)
            elif verb == "LIST":
                many(f"{n} {len(text)}" for n, (_, text) in there())
            elif verb == "UIDL" and not self.odd.get("no_uidl"):
                many(f"{n} {self.name(n, uidl)}" for n, (uidl, _) in there())
            elif verb == "TOP" and not self.odd.get("no_top"):
                self.send(sock, b"+OK\r\n" + stuffed(message[1].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"))
            elif verb == "RETR" and message[0] not in self.odd.get("refuse", ()):
                self.send(sock, b"+OK\r\n" + stuffed(message[1]))
            elif verb == "DELE":
                deleted.add(int(words[0]))
                say("+OK")
            elif verb == "QUIT":
                if not self.odd.get("deaf") and not self.odd.get("quit_refused"):
                    self.mailbox = [m for _, m in there()]
                say("-ERR not all was deleted" if self.odd.get("quit_refused") else "+OK bye")
                return
            else:
                say("+OK" if verb in ("AUTH", "NOOP", "UTF8") else "-ERR what")
