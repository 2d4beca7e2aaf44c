"""bench - what the benchmarks share: timing, and clients on bare sockets as floors."""
import base64
import pathlib
import socket
import ssl
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab  # noqa: E402,F401


def timed(action, times):
    """Milliseconds: the median and the least of some runs."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), min(took)


def tls(house, port):
    """A verified TLS 1.3 connection and a buffered reader over it."""
    context = ssl.create_default_context(cafile=house.site["CA"])
    sock = socket.create_connection(("127.0.0.1", house.port(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock = context.wrap_socket(sock, server_hostname="localhost")
    return sock, sock.makefile("rb")


def plain(house):
    return base64.b64encode(f"\0{house.site['USER']}\0{house.site['PASSWORD']}".encode())


def smtp_reply(reader):
    while True:
        line = reader.readline()
        if line[3:4] != b"-":
            return line


def floor_send(house, text):
    """One message with everything in one flight behind AUTH, as no real client may assume."""
    sock, reader = tls(house, "SUBMISSIONS")
    smtp_reply(reader)
    sock.sendall(b"EHLO floor\r\n")
    smtp_reply(reader)
    sock.sendall(b"AUTH PLAIN " + plain(house) + b"\r\n")
    smtp_reply(reader)
    sock.sendall(b"MAIL FROM:<ada@example.test>\r\nRCPT TO:<grace@example.test>\r\nDATA\r\n")
    for _ in range(3):
        smtp_reply(reader)
    sock.sendall(text + b".\r\n")
    if not smtp_reply(reader).startswith(b"250"):
        raise RuntimeError("the floor's message was refused")
    sock.close()


def floor_drain(house):
    """All of INBOX in one FETCH, read and thrown away. Returns the number of octets."""
    sock, reader = tls(house, "IMAPS")
    reader.readline()
    sock.sendall(b"a AUTHENTICATE PLAIN " + plain(house) + b"\r\nb EXAMINE INBOX\r\nc UID FETCH 1:* (UID BODY.PEEK[])\r\n")
    octets = 0
    while True:
        line = reader.readline()
        if line.startswith(b"c "):
            sock.close()
            return octets
        if line.endswith(b"}\r\n"):
            size = int(line[line.rindex(b"{") + 1:-3])
            octets += len(reader.read(size))


def show(name, median, least, floor=None):
    ratio = f"{median / floor:8.2f} x floor" if floor else ""
    print(f"{name:44} median {median:8.1f} ms   least {least:8.1f} ms {ratio}", flush=True)
