"""small_servers - an SMTP server that takes every message and an IMAP server with one folder for sent mail, for tests
that look at what arrived rather than at the conversation. Each connection has a thread; both are on 127.0.0.1.

    with Taker() as taker, Keeper(caps=("LITERAL+",)) as keeper:
        ... taker.port, taker.messages; keeper.port, keeper.messages
"""
import re
import threading

from listening import Listener


class Server(Listener):
    """Lets talk() have each connection as a file."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def handle(self, sock):
        with sock, sock.makefile("rwb") as f:
            try:
                self.talk(f)
            except (OSError, ValueError, ConnectionError):
                pass  # the other side was stopped, or we hang up

    @staticmethod
    def line(f):
        line = f.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError
        return line[:-2].decode()

    @staticmethod
    def say(f, *lines):
        for line in lines:
            f.write(line.encode() + b"\r\n")
        f.flush()


class Taker(Server):
    """SMTP. `refuse`: a reply for each recipient that is not taken. A message is (recipients, text)."""

    def __init__(self, refuse=()):
        super().__init__()
        self.refuse = dict(refuse)

    def talk(self, f):
        self.say(f, "220 taker")
        to = []
        while True:
            line = self.line(f)
            verb = line[:4].upper()
            if verb == "QUIT":
                return
            if verb == "EHLO":
                self.say(f, "250-taker", "250-PIPELINING", "250 8BITMIME")
            elif verb == "RCPT":
                address = re.search("<(.*?)>", line)[1]
                if address not in self.refuse:
                    to.append(address)
                self.say(f, self.refuse.get(address, "250 ok"))
            elif verb == "DATA":
                self.data(f, to)
                to = []
            else:
                to = []
                self.say(f, "250 ok")

    def data(self, f, to):
        self.say(f, "354 go on" if to else "554 no valid recipients")
        if not to:
            return
        lines = []
        while (line := f.readline()) != b".\r\n":
            if not line:
                raise ConnectionError
            lines.append(line[1:] if line.startswith(b".") else line)
        self.messages.append((to, b"".join(lines)))
        self.say(f, "250 queued")


class Keeper(Server):
    """IMAP. The folder "Sent" holds (uid, flags, text); answers[n] says what becomes of the n-th APPEND: "ok"; "no", it
    is refused; "lost", it is stored and the connection ends before the answer; "cut", neither."""

    def __init__(self, caps=(), answers=(), folders=('(\\HasNoChildren \\Sent) "/" Sent',)):
        super().__init__()
        self.caps = " ".join(("IMAP4rev1 SASL-IR AUTH=PLAIN", *caps))
        self.answers, self.appends, self.folders = list(answers), [], folders
        self.validity, self.next, self.logins = 3, 1, 0
        self.lock = threading.Lock()

    def talk(self, f):
        self.say(f, f"* OK [CAPABILITY {self.caps}] keeper")
        while True:
            tag, _, command = self.line(f).partition(" ")
            verb = command.split(" ")[0].upper()
            if verb == "LOGOUT":
                return
            getattr(self, "do_" + verb.lower(), self.do_other)(f, tag, command)

    def do_other(self, f, tag, _):
        self.say(f, f"{tag} OK")

    def do_authenticate(self, f, tag, _):
        self.logins += 1
        self.say(f, f"{tag} OK [CAPABILITY {self.caps}] in")

    def do_list(self, f, tag, _):
        self.say(f, *("* LIST " + folder for folder in self.folders), f"{tag} OK")

    def do_status(self, f, tag, command):
        name = command.split('"')[1]
        self.say(f, f'* STATUS "{name}" (UIDNEXT {self.next} UIDVALIDITY {self.validity})', f"{tag} OK")

    def do_examine(self, f, tag, _):
        self.say(f, f"* {len(self.messages)} EXISTS", f"* OK [UIDVALIDITY {self.validity}] is", f"* OK [UIDNEXT {self.next}] is", f"{tag} OK")

    def do_uid(self, f, tag, command):
        first, wanted = re.search(r'UID SEARCH UID (\d+):\* HEADER Message-ID "(.*)"', command).groups()
        found = [uid for uid, _, text in self.messages if re.search(rb"(?im)^message-id:\s*" + re.escape(wanted.encode()), text)]
        last = self.messages[-1][0] if self.messages else 0
        found = [uid for uid in found if uid >= int(first) or uid == last]
        self.say(f, "* SEARCH" + "".join(f" {uid}" for uid in found), f"{tag} OK")

    def do_append(self, f, tag, command):
        flags, size, ahead = re.search(r"\((.*?)\) .*\{(\d+)(\+?)\}$", command).groups()
        self.appends.append(command)
        answer = self.answers.pop(0) if self.answers else "ok"
        if not ahead:
            if answer == "no":
                return self.say(f, f"{tag} NO [OVERQUOTA] The mailbox is full")
            self.say(f, "+ go on")
        text = f.read(int(size))
        if len(text) != int(size):
            raise ConnectionError
        self.line(f)
        if answer == "cut":
            raise ConnectionError
        if answer == "no":
            return self.say(f, f"{tag} NO [OVERQUOTA] The mailbox is full")
        with self.lock:
            self.messages.append((self.next, flags, text))
            self.next += 1
        if answer == "lost":
            raise ConnectionError
        return self.say(f, f"{tag} OK [APPENDUID {self.validity} {self.next - 1}] done")
