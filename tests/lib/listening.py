"""listening - a server on this machine: handle(sock) has each connection that comes, until close()."""
import contextlib
import socket
import threading


class Listener:
    """On a `port`, or a UNIX socket. `callers` are the addresses that connections came from, `talks` their threads; where
    `in_turn`, one is heard to its end before the next."""
    in_turn = False

    def __init__(self, unix=None):
        self.listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.listener.bind(str(unix) if unix else ("127.0.0.1", 0))
        self.listener.listen(128)
        self.port = None if unix else self.listener.getsockname()[1]
        self.callers, self.talks = [], []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self.thread.join(10)
        self.listener.close()

    def accept(self):
        while True:
            try:
                sock, address = self.listener.accept()
            except OSError:
                return
            self.callers.append(address[0] if address else "")
            talk = threading.Thread(target=self.handle, args=(sock,), daemon=True)
            self.talks.append(talk)
            talk.start()
            if self.in_turn:
                talk.join()
