"""mailutils - the POP3 server of GNU Mailutils, as tests/deps --unpack puts it under build/, over an mbox.
It changes its user and groups at a sign-in, which only root may.

    with Pop3(folder) as server:
        server.put(b"From: ...")
        ... server.port, server.user, server.password ...
"""
import os
import subprocess

from lab import TOP
from listening import Listener

NOBODY = 65534
PROGRAM = TOP / "build/mailutils/usr/sbin/pop3d"
CONFIG = """
virtdomain {{ passwd-dir {folder}/domains; }};
auth {{ authentication clear; authentication generic; authorization clear; authorization virtdomain; }};
logging {{ syslog no; }};
mailbox {{ mailbox-type mbox; }};
"""


class Pop3(Listener):
    in_turn = True
    user, password = "ada@example.test", "correct horse"

    def __init__(self, folder):
        super().__init__()
        self.folder, self.inbox = folder, folder / "ada/INBOX"
        (folder / "domains").mkdir(parents=True)
        (folder / "ada").mkdir()
        crypted = subprocess.run(["openssl", "passwd", "-6", self.password], check=True, capture_output=True, text=True).stdout.strip()
        (folder / "domains/example.test").write_text(f"ada:{crypted}:{NOBODY}:{NOBODY}:Ada:{folder}/ada:/bin/false\n")
        (folder / "conf").write_text(CONFIG.format(folder=folder))
        self.inbox.write_bytes(b"")
        os.chmod(folder, 0o755)
        os.chown(folder / "ada", NOBODY, NOBODY)
        os.chown(self.inbox, NOBODY, NOBODY)

    def handle(self, sock):
        libraries = ":".join(str(TOP / "build/mailutils" / part / "x86_64-linux-gnu") for part in ("usr/lib", "lib"))
        with sock:
            subprocess.run([PROGRAM, "--inetd", f"--config-file={self.folder}/conf"], stdin=sock, stdout=sock, stderr=subprocess.DEVNULL,
                           env={**os.environ, "LD_LIBRARY_PATH": libraries}, check=False, timeout=60)

    def put(self, message):
        with open(self.inbox, "ab") as f:
            f.write(b"From grace@example.test Sun Nov 22 03:04:05 2026\n" + message.replace(b"\r\n", b"\n") + b"\n")

    def left(self):
        return self.inbox.read_bytes().count(b"\nMessage-ID:")
