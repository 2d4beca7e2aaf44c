"""flights - a forwarder that counts how often a client had to wait for its server before it went on speaking.

Each direction holds what it is given for a moment, so that what the server says in pieces arrives as one. A flight
begins where the client speaks after it has heard something since it last spoke; the last one, LOGOUT or QUIT, is
waited for by nobody.
"""
import queue
import socket
import threading
import time

from listening import Listener


class Flights(Listener):
    def __init__(self, port, delay=0.03):
        super().__init__()
        self.target, self.delay, self.flights, self.heard = port, delay, 0, True

    def take(self):
        """The flights since the last call."""
        flights, self.flights, self.heard = self.flights, 0, True
        return flights

    def handle(self, client):
        server = socket.create_connection(("127.0.0.1", self.target))
        for source, sink, from_client in ((client, server, True), (server, client, False)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            held = queue.SimpleQueue()
            threading.Thread(target=self.read, args=(source, held, from_client), daemon=True).start()
            threading.Thread(target=self.write, args=(sink, held, not from_client), daemon=True).start()

    def read(self, source, held, from_client):
        data = b"x"
        while data:
            try:
                data = source.recv(1 << 20)
            except OSError:
                data = b""
            if data and from_client and self.heard:
                self.flights, self.heard = self.flights + 1, False
            held.put((time.monotonic() + self.delay, data))

    def write(self, sink, held, to_client):
        while True:
            when, data = held.get()
            time.sleep(max(0, when - time.monotonic()))
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                return
            self.heard = self.heard or to_client
