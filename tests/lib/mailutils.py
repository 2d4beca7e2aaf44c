"""mailutils - the POP3 server of GNU Mailutils, as tests/deps --unpack puts it under build/, over an mbox.
It changes its user and groups at a sign-in, which only root may.

    with Pop3(folder) as server:
        server.put(b"From: ...")
        ... server.port, server.user, server.password ...
"""
import os
import socket
import subprocess
import threading

from lab import TOP

NOBODY = 65534
PROGRAM = TOP / "build/mailutils/usr/sbin/pop3d"
CONFIG = """
virtdomain {{ passwd-dir {folder}/domains; }};
auth {{ authentication clear; authentication generic; authorization clear; authorization virtdomain; }};
logging {{ syslog no; }};
mailbox {{ mailbox-type mbox; }};
"""


class Pop3:
    user, password = "ada@example.test", "correct horse"

    def __init__(self, folder):
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
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.listener.close()

    def serve(self):
        libraries = ":".join(str(TOP / "build/mailutils" / part / "x86_64-linux-gnu") for part in ("usr/lib", "lib"))
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                subprocess.run([PROGRAM, "--inetd", f"--config-file={self.folder}/conf"], stdin=sock, stdout=sock, stderr=subprocess.DEVNULL,
                               env={**os.environ, "LD_LIBRARY_PATH": libraries}, check=False, timeout=60)

    def put(self, message):
        with open(self.inbox, "ab") as f:
            f.write(b"From grace@example.test Sun Nov 22 03:04:05 2026\n" + message.replace(b"\r\n", b"\n") + b"\n")

    def left(self):
        return self.inbox.read_bytes().count(b"\nMessage-ID:")
