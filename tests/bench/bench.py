"""bench - what the benchmarks share: timing, and clients on bare sockets as floors."""
import base64
import hashlib
import os
import pathlib
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab  # noqa: E402,F401
from flights import Flights  # noqa: E402,F401


def timed(action, times):
    """Milliseconds: the median and the least of some runs."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), min(took)


def timed_within(mount, env, argv, text, times):
    """The same of a command that is fed a text, in a mount namespace of its own (root's)."""
    script = f'{mount} && exec "$@"'
    clock = [sys.executable, __file__, str(times), *map(str, argv)]
    said = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *clock], input=text, env=env, stdout=subprocess.PIPE, check=True).stdout
    median, least = said.split()
    return float(median), float(least)


def clock_command(times, argv):
    """For timed_within, on the other side."""
    text = sys.stdin.buffer.read()
    print(*timed(lambda: subprocess.run(argv, input=text, stderr=subprocess.DEVNULL, check=True), times))


FRESH_DISK = '''
disk="$0/disk"
truncate -s 12G "$disk" && mkfs.ext4 -q -m 0 -E lazy_itable_init=0,lazy_journal_init=0 "$disk" && mkdir "$0/files" &&
    mount -o loop "$disk" "$0/files" && TMPDIR="$0/files" && export TMPDIR
exec "$@"
'''


def on_a_fresh_disk():
    """Runs this program again on an ext4 of its own, where root may mount one. Where many files were deleted within the
    last minutes, ext4 takes up to ten times as long to make a new one: what ran before would be measured."""
    if os.environ.get("FRESH_DISK"):
        print("files:", "on a file system that was just made" if os.path.ismount(tempfile.gettempdir()) else f"in {tempfile.gettempdir()}, as it is", flush=True)
        return
    os.environ["FRESH_DISK"] = "1"
    own = lab.ROOT and lab.can_unshare() and shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:" + os.environ["PATH"])
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        os.chmod(place, 0o755)
        under = [*lab.unshare(), "sh", "-c", FRESH_DISK, place] if own else []
        sys.exit(subprocess.run([*under, sys.executable, *sys.argv], check=False).returncode)


class Quick(ssl.SSLSocket):
    """Acknowledges at once what the server says first: a floor must not wait 40 ms for that."""

    def recv_into(self, *args, **more):
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return super().recv_into(*args, **more)


def tls(house, port):
    """A verified TLS 1.3 connection and a buffered reader over it."""
    context = ssl.create_default_context(cafile=house.site["CA"])
    sock = socket.create_connection(("127.0.0.1", house.port(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    context.sslsocket_class = Quick
    sock = context.wrap_socket(sock, server_hostname="localhost")
    return sock, sock.makefile("rb")


def plain(house):
    return base64.b64encode(f"\0{house.site['USER']}\0{house.site['PASSWORD']}".encode())


def smtp_reply(reader):
    while True:
        line = reader.readline()
        if line[3:4] != b"-":
            return line


def signed_in(house, port):
    sock, reader = tls(house, port)
    smtp_reply(reader)
    sock.sendall(b"EHLO floor\r\n")
    smtp_reply(reader)
    sock.sendall(b"AUTH PLAIN " + plain(house) + b"\r\n")
    smtp_reply(reader)
    return sock, reader


def floor_send(house, text, port="SUBMISSIONS"):
    """One message, its envelope in one flight."""
    sock, reader = signed_in(house, port)
    sock.sendall(b"MAIL FROM:<ada@example.test>\r\nRCPT TO:<grace@example.test>\r\nDATA\r\n")
    for _ in range(3):
        smtp_reply(reader)
    sock.sendall(text + b".\r\n")
    if not smtp_reply(reader).startswith(b"250"):
        raise RuntimeError("the floor's message was refused")
    sock.close()


def floor_flush(house, text, count, port):
    """Seconds for that many messages in windows of 32, each whole behind the other."""
    one = b"MAIL FROM:<ada@example.test>\r\nRCPT TO:<grace@example.test>\r\nBDAT %d LAST\r\n" % len(text) + text + b"RSET\r\n"
    began = time.perf_counter()
    sock, reader = signed_in(house, port)
    while count > 0:
        size = min(32, count)
        sock.sendall(one * size)
        replies = [smtp_reply(reader) for _ in range(4 * size)]
        if not all(r.startswith(b"250") for r in replies):
            raise RuntimeError("the floor's messages were refused")
        count -= size
    sock.close()
    return time.perf_counter() - began


def durable(folder, text):
    with open(folder / "durable", "wb") as f:
        f.write(text)
        os.fsync(f.fileno())


def fsync(folder):
    durable(folder, b"x" * 6000)


def hashes(text):
    for _ in range(2):
        hashlib.sha256(text).digest()


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


def floor_drain_pop3(house):
    """All messages by RETRs that are sent ahead, a hundred at a time, read and thrown away."""
    sock, reader = tls(house, "POP3S")
    reader.readline()
    sock.sendall(b"AUTH PLAIN " + plain(house) + b"\r\nSTAT\r\n")
    reader.readline()
    count, octets = map(int, reader.readline().split()[1:3])
    sent = 0
    for done in range(count):
        if sent - done < 50:
            more = min(100, count - sent)
            sock.sendall(b"".join(b"RETR %d\r\n" % (sent + 1 + i) for i in range(more)))
            sent += more
        while reader.readline() != b".\r\n":
            pass
    sock.close()
    return octets


def unpacked(package, program):
    """The program, from the system or from a package unpacked under build/; None where it cannot be had."""
    folder = lab.TOP / "build" / package
    if not (folder / program).exists() and shutil.which("apt-get"):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(f"apt-get -q download {package} && dpkg -x {package}_*.deb .", shell=True, cwd=folder, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return str(folder / program) if (folder / program).exists() else None


def show(name, median, least, floor=None):
    ratio = f"{median / floor:8.2f} x floor" if floor else ""
    print(f"{name:44} median {median:8.1f} ms   least {least:8.1f} ms {ratio}", flush=True)


if __name__ == "__main__":
    clock_command(int(sys.argv[1]), sys.argv[2:])
