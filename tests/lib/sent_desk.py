"""sent_desk - a home whose account keeps copies of what it sends, for tests of `sent`."""
import os
import subprocess
import time

from deliver_home import BUILD, Home


class Desk(Home):
    """A home whose account keeps copies of what it sends."""

    def set_up(self, sent, smtp, imap=None, give_up="5d", notify=None, **send):
        """smtp, imap: the ports of the servers."""
        self.account(smtp, maildir=False, sent=sent, password="secret-of-ada", **send)
        notify = f"notify = sh: printf '%s %s\\n' \"$2\" \"$3\" >>{self.dir}/told\n" if notify else ""
        self.write(self.config / "tappal.ini", f"[tappal]\nlog = {self.log}\n{notify}[queue]\ngive_up_after = {give_up}\n")
        path = self.config / "accounts/work.ini"
        if imap is not None:
            with path.open("a") as f:
                f.write(f"[fetch]\nhost = 127.0.0.1\nport = {imap}\ntls = off\nauth = plain\nmaildir = {self.dir}/Mail\ntimeout = 5\n")
            os.utime(path, (1, 1))

    def copies(self, folder="Sent"):
        """(name, bytes) of what lies in the maildir."""
        return [(p.name, p.read_bytes()) for p in sorted((self.dir / folder).glob("*/*"))]

    def tappal(self, *args):
        return subprocess.run([BUILD / "tappal", *args], env=self.environment(), capture_output=True, text=True, check=False, timeout=60)


def wait_until(true):
    end = time.monotonic() + 30
    while not true() and time.monotonic() < end:
        time.sleep(0.02)


def letter(n):
    return b"From: ada@example.org\nTo: bob@example.org\nSubject: %d\nMessage-ID: <%d@example.org>\n\nLetter %d\n" % (n, n, n)


def on_the_wire(text):
    return text.replace(b"\n", b"\r\n")


def bodies(texts):
    return sorted(text.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1] for text in texts)
