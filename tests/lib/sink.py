"""sink - a server that bears everything, for tests that count what arrives and do not care how it came."""
import re

from listening import Listener


class Sink(Listener):
    """Offers PIPELINING and CHUNKING. `taken`: the Message-IDs (before the @) of whole messages; `mails`, `rcpts`: what
    was offered, in order. `refuse`: an answer to each RCPT instead of 250."""

    def __init__(self, refuse=None):
        super().__init__()
        self.refuse, self.taken, self.mails, self.rcpts = refuse, [], [], []

    def handle(self, sock):
        try:
            with sock, sock.makefile("rb") as lines:
                sock.settimeout(20)
                self.converse(sock, lines)
        except OSError:
            pass

    def converse(self, sock, lines):
        sock.sendall(b"220 sink\r\n")
        for line in lines:
            word = line.split()[0].upper()
            if word == b"EHLO":
                sock.sendall(b"250-sink\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
            elif word == b"BDAT":
                self.take(lines.read(int(line.split()[1])))
                sock.sendall(b"250 2.0.0 taken\r\n")
            elif word == b"DATA":
                sock.sendall(b"354 go\r\n")
                self.take(b"".join(iter(lines.readline, b".\r\n")))
                sock.sendall(b"250 2.0.0 taken\r\n")
            elif word == b"QUIT":
                return
            else:
                sock.sendall(self.envelope(word, line))

    def envelope(self, word, line):
        if word == b"MAIL":
            self.mails.append(line.decode().strip())
        if word == b"RCPT":
            self.rcpts.append(line.decode().strip())
            return (self.refuse or "250 ok").encode() + b"\r\n"
        return b"250 ok\r\n"

    def take(self, text):
        found = re.search(rb"Message-ID: <(\w+)@", text)
        if found and text.endswith(b"last\r\n"):
            self.taken.append(found[1].decode())
