"""taker - an SMTP server for walks: it bears windows, tells by a recipient's name what to do with it, and remembers
what it took.

    no-...@      is refused (550)             later-...@   is greylisted (450) until `patient` is set
    others       are taken, but not while it is `busy`
"""
import re
import threading

from listening import Listener

OFFER = b"250-taker\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 CHUNKING\r\n"
FINE = b"250 2.0.0 ok\r\n"
NOBODY = b"554 5.5.1 no valid recipients\r\n"


class Gone(Exception):
    """The client hung up within its data."""


class Taker(Listener):
    def __init__(self):
        super().__init__()
        self.patient, self.busy = False, False
        self.taken = []  # (recipient, text), once for each time that a text was taken for that recipient
        self.lock = threading.Lock()

    def handle(self, sock):
        try:
            with sock, sock.makefile("rb") as lines:
                sock.settimeout(20)
                Talk(self, sock, lines).run()
        except (OSError, Gone):
            pass

    def settle(self):
        """Once all who have hung up are heard to the end, what was taken since the last time."""
        while self.talks:
            self.talks.pop().join()
        with self.lock:
            taken, self.taken = self.taken, []
        return taken


class Talk:
    """One connection."""

    def __init__(self, taker, sock, lines):
        self.taker, self.sock, self.lines = taker, sock, lines
        self.recipients, self.text = [], b""

    def run(self):
        self.sock.sendall(b"220 taker\r\n")
        for line in self.lines:
            word = line[:4].upper()
            if word == b"QUIT":
                return
            handle = {b"EHLO": self.ehlo, b"RCPT": self.rcpt, b"BDAT": self.bdat, b"DATA": self.data}.get(word, self.other)
            self.sock.sendall(handle(line))

    def ehlo(self, _):
        return OFFER

    def other(self, _):
        self.recipients, self.text = [], b""
        return FINE

    def rcpt(self, line):
        who = re.search(rb"<(.*)>", line)[1].decode()
        if who.startswith("no-"):
            return b"550 5.1.1 no such user\r\n"
        if self.taker.busy or who.startswith("later-") and not self.taker.patient:
            return b"450 4.2.0 greylisted\r\n"
        self.recipients.append(who)
        return FINE

    def bdat(self, line):
        size = int(line.split()[1])
        chunk = self.lines.read(size)
        if len(chunk) < size:
            raise Gone
        if not self.recipients:
            return NOBODY
        self.text += chunk
        return self.take() if line.upper().rstrip().endswith(b"LAST") else FINE

    def data(self, _):
        if not self.recipients:
            return NOBODY
        self.sock.sendall(b"354 go\r\n")
        while (line := self.lines.readline()) != b".\r\n":
            if not line:
                raise Gone
            self.text += line[1:] if line.startswith(b".") else line
        return self.take()

    def take(self):
        with self.taker.lock:
            self.taker.taken += [(who, self.text) for who in self.recipients]
        return self.other(b"")
