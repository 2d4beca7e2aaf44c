"""between - what may stand between a client and its server: a forwarder on a TCP port or UNIX socket that notes
who called, and a SOCKS5 proxy that notes which names it was given."""
import socket
import threading

from listening import Listener


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        try:
            end.shutdown(how)
        except OSError:
            pass


def join(client, server, copy_back=copy):
    """Both directions, until both are done."""
    back = threading.Thread(target=copy_back, args=(server, client), daemon=True)
    back.start()
    copy(client, server)
    back.join()
    client.close()
    server.close()


class Forwarder(Listener):
    """Every connection goes on to 127.0.0.1:port."""

    def __init__(self, port, unix=None):
        super().__init__(unix)
        self.target = port

    def handle(self, client):
        join(client, socket.create_connection(("127.0.0.1", self.target)))


class Socks(Forwarder):
    """SOCKS5 (RFC 1928) with user and password (RFC 1929); `names` are (host, port) as they were asked for. Whatever
    the name is, the connection goes to that port of 127.0.0.1."""

    def __init__(self, user, password):
        super().__init__(None)
        self.names, self.user, self.password = [], user, password

    def handle(self, client):
        def need(n):
            data = b""
            while len(data) < n:
                more = client.recv(n - len(data))
                if not more:
                    raise OSError
                data += more
            return data

        try:
            _, count = need(2)
            if 2 not in need(count):
                client.sendall(b"\5\xff")
                raise OSError
            client.sendall(b"\5\2")
            user = need(need(2)[1])
            good = (user, need(need(1)[0])) == (self.user, self.password)
            client.sendall(b"\1\0" if good else b"\1\1")
            if not good:
                raise OSError
            _, command, _, kind = need(4)
            host = need(need(1)[0]).decode() if kind == 3 else socket.inet_ntop({1: socket.AF_INET, 4: socket.AF_INET6}[kind], need({1: 4, 4: 16}[kind]))
            port = int.from_bytes(need(2), "big")
            self.names.append((host, port))
            if command != 1:
                raise OSError
            server = socket.create_connection(("127.0.0.1", port))
            client.sendall(b"\5\0\0\1" + b"\x7f\0\0\1" + port.to_bytes(2, "big"))
        except OSError:
            client.close()
            return
        join(client, server)
