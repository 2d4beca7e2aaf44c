#!/usr/bin/python3
"""fetch_compress - compression with Dovecot: over a slow line, where much is to come, far fewer octets cross it, and each message is what
it was.

run: limit=120
"""
import pathlib
import random
import re
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import between  # noqa: E402
import lab      # noqa: E402
import tap      # noqa: E402

SLOW = 1_000_000  # octets a second


class Slow(between.Forwarder):
    """What the server says comes at a modem's pace; `crossed` are its octets."""
    crossed = 0

    def handle(self, client):
        between.join(client, socket.create_connection(("127.0.0.1", self.target)), self.copy_back)

    def copy_back(self, source, target):
        try:
            while data := source.recv(16384):
                self.crossed += len(data)
                time.sleep(len(data) / SLOW)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def letters(count, size):
    """Text that can be packed, and octets that cannot."""
    chance = random.Random(1)
    for i in range(count):
        noise = chance.randbytes(size // 40).hex().encode()
        body = b"".join(b"%d lines of words, as people write them, again and again\r\n" % n for n in range(size // 60))
        yield b"From: grace@example.test\r\nSubject: letter %d\r\n\r\n" % i + noise + b"\r\n" + body


def pulled(house, ada, count, port, tls):
    """A first run over a slow line: what was said, and how much crossed."""
    sent = list(letters(count, 20000))
    house.clear()
    house.put(*sent)
    with Slow(port) as line:
        ada.account(auth="plain", fetch={"port": line.port, "tls": tls})
        result = ada.run("tappal-fetch", "-v", limit=60)
    tap.same((result.status, sorted(ada.fetched())), (0, sorted(t.replace(b"\r\n", b"\n") for t in sent)), f"{count} messages, {tls}: each is what it was")
    return result, line.crossed, sum(map(len, sent))


def main():
    with lab.Lab() as house:
        for tls, port in (("implicit", "IMAPS"), ("starttls", "IMAP")):
            result, crossed, octets = pulled(house, house.person(tls), 200, house.port(port), tls)
            tap.same(len(re.findall(r"> T\d+ COMPRESS DEFLATE$", result.err, re.M)), 1, f"{tls}: compression is asked for once")
            tap.ok(crossed < octets * 3 // 4, f"{tls}: {octets} octets by {crossed}")
        result, crossed, octets = pulled(house, house.person("little"), 40, house.port("IMAPS"), "implicit")
        tap.ok("COMPRESS" not in re.sub(r"CAPABILITY.*", "", result.err) and crossed > octets, "little to come: it is not")
    tap.done()


main()
