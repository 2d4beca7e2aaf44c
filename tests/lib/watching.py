"""watching - tappal-fetch --watch in the background, and the socket on which it tells its manager how it is."""
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

import lab


class Manager:
    """Stands where systemd would: collects what is said to NOTIFY_SOCKET."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="notify-")
        self.path = str(pathlib.Path(self.folder.name, "socket"))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.said = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                self.said += self.socket.recv(65536).decode(errors="replace").splitlines()
            except OSError:
                return

    def close(self):
        self.socket.close()
        self.folder.cleanup()


class Watch:
    """with Watch(ada, "work") as watch: ... - ended by TERM, if by nothing else. Afterwards status, out and err."""

    def __init__(self, person, *args, **env):
        self.person, self.args, self.env = person, args, env
        self.manager = Manager()

    def __enter__(self):
        env = {**self.person.env, "NOTIFY_SOCKET": self.manager.path, **self.env}
        self.child = subprocess.Popen([str(lab.BUILD / "tappal-fetch"), "--watch", *self.args], env=env, cwd=self.person.home, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True)
        self.person.started.add(self.child.pid)
        return self

    def __exit__(self, *_):
        self.end()
        self.manager.close()

    def end(self, how=signal.SIGTERM, limit=40):
        if self.child.returncode is None:
            self.child.send_signal(how)
            try:
                self.out, self.err = self.child.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.out, self.err = self.child.communicate()
        self.status = self.child.returncode
        return self

    def said(self, text):
        """Was it said to the manager, now or within a while?"""
        return eventually(lambda: any(text in line for line in self.manager.said))

    def children(self):
        return [pid for pid in self.person.processes() if pid != self.child.pid and parent(pid) == self.child.pid]


def parent(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def eventually(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
