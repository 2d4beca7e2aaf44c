"""cyrus - a Cyrus IMAP server (imapd, pop3d), as tests/deps --unpack puts it under build/, of one user.

    with Cyrus(folder) as server:
        with server.imap() as imap: ...         an imaplib connection that is signed in
        ... server.ports["imap"], server.user, server.password ...

Its master runs as `nobody` for root, else as ourselves; the programs are copied to where that user may go. Passwords are
asked of a saslauthd, whose part we play.
"""
import contextlib
import imaplib
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

from lab import ROOT, TOP

UNPACKED = TOP / "build/cyrus"
PROGRAMS = ("master", "imapd", "pop3d", "ctl_cyrusdb")
IMAPD_CONF = """
configdirectory: {0}/conf
partition-default: {0}/spool
defaultpartition: default
sievedir: {0}/sieve
proc_path: {0}/proc
mboxname_lockpath: {0}/lock
lmtpsocket: {0}/s/lmtp
idlesocket: {0}/s/idle
notifysocket: {0}/s/notify
cyrus_user: {1}
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {0}/s/mux
virtdomains: userid
defaultdomain: example.test
unixhierarchysep: no
altnamespace: no
autocreate_quota: 0
autocreate_inbox_folders: Sent|Archive
"""
CYRUS_CONF = """
START {{
  recover cmd="{0}/bin/ctl_cyrusdb -C {0}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{0}/bin/imapd -C {0}/imapd.conf" listen="127.0.0.1:{1[imap]}" prefork=0
  pop3 cmd="{0}/bin/pop3d -C {0}/imapd.conf" listen="127.0.0.1:{1[pop3]}" prefork=0
}}
EVENTS {{
}}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Cyrus:
    user, password = "ada@example.test", "correct horse"

    def __init__(self, folder):
        self.folder, self.master = folder, None
        self.ports = {"imap": free_port(), "pop3": free_port()}
        for part in (".", "bin", "conf", "spool", "sieve", "s"):
            (folder / part).mkdir(mode=0o755)
        for program in PROGRAMS:
            shutil.copy(UNPACKED / "usr/lib/cyrus/bin" / program, folder / "bin")
        shutil.copytree(UNPACKED / "usr/lib/x86_64-linux-gnu", folder / "lib", symlinks=True)
        (folder / "imapd.conf").write_text(IMAPD_CONF.format(folder, "nobody" if ROOT else pwd.getpwuid(os.getuid()).pw_name))
        (folder / "cyrus.conf").write_text(CYRUS_CONF.format(folder, self.ports))
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / "s/mux"))
        os.chmod(folder / "s/mux", 0o777)
        self.listener.listen()
        self.saslauthd = threading.Thread(target=self.check_passwords, daemon=True)

    def check_passwords(self):
        """saslauthd's protocol: login, password, service, realm, each behind its length; the answer likewise."""
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock, sock.makefile("rb") as asked:
                parts = [asked.read(struct.unpack("!H", asked.read(2))[0]) for _ in range(4)]
                answer = b"OK" if parts[1].decode() == self.password else b"NO"
                sock.sendall(struct.pack("!H", len(answer)) + answer)

    def __enter__(self):
        self.saslauthd.start()
        drop = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] if ROOT else []
        if ROOT:
            self.folder.parent.chmod(0o755)
            subprocess.run(["chown", "-R", "nobody:nogroup", str(self.folder)], check=True)
        env = {**os.environ, "LD_LIBRARY_PATH": f"{self.folder}/lib", "SASL_PATH": f"{self.folder}/lib/sasl2:/usr/lib/x86_64-linux-gnu/sasl2"}
        with open(self.folder / "master.log", "wb") as log:
            self.master = subprocess.Popen([*drop, self.folder / "bin/master", "-C", self.folder / "imapd.conf", "-M", self.folder / "cyrus.conf",
                                            "-p", self.folder / "master.pid"], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           start_new_session=True)  # at its end it signals its whole group
        end = time.monotonic() + 20
        while time.monotonic() < end and self.master.poll() is None:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                with self.imap():
                    return self
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError("Cyrus does not start: " + (self.folder / "master.log").read_text(errors="replace"))

    def __exit__(self, *_):
        self.master.send_signal(signal.SIGTERM)
        try:
            self.master.wait(10)
        except subprocess.TimeoutExpired:
            self.master.kill()
            self.master.wait()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.saslauthd.join(10)
        self.listener.close()

    @contextlib.contextmanager
    def imap(self):
        imap = imaplib.IMAP4("127.0.0.1", self.ports["imap"], timeout=20)
        try:
            imap.login(self.user, self.password)
            yield imap
        finally:
            imap.shutdown()

    def put(self, message, folder="INBOX"):
        with self.imap() as imap:
            assert imap.append(folder, None, None, message)[0] == "OK"

    def messages(self, folder="INBOX"):
        """{UID: flags}"""
        with self.imap() as imap:
            imap.select(folder, readonly=True)
            lines = [line.decode() for line in imap.uid("FETCH", "1:*", "(FLAGS)")[1] if line]
        words = [line.replace("(", " ").replace(")", " ").split() for line in lines]
        return {int(w[w.index("UID") + 1]): {f for f in w if f.startswith("\\") and f != "\\Recent"} for w in words}
