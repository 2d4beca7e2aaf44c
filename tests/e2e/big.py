#!/usr/bin/python3
"""big - a message of 50 MB goes out and comes back byte for byte, and no process grows over 16 MB.

run: limit=240
"""
import hashlib
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import peaks    # noqa: E402
import tap      # noqa: E402

SIZE, LIMIT_KB = 50 * 1000 * 1000, 16 * 1024
HEAD = b"From: ada@example.test\nTo: ada@example.test\nSubject: big\nDate: Sun, 22 Nov 2026 01:02:03 +0000\nMessage-ID: <big@example.test>\n" \
    b"MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\n"


def body():
    lines = [b".a line with a dot\n", b"From here\n", b"\n"]
    while sum(map(len, lines)) < 1000:
        lines.append(b"%s\n" % hashlib.sha256(b"%d" % len(lines)).hexdigest().encode())
    block = b"".join(lines)
    return block * (SIZE // len(block))


def from_first_own_header(message):
    text = message.replace(b"\r\n", b"\n")
    at = text.find(b"From: ada@example.test\n")
    return text[at:] if at >= 0 else text


def main():
    text = HEAD + body()
    with lab.Lab() as house:
        for protocol, port in (("imap", "IMAPS"), ("pop3", "POP3S")):
            ada = house.person(protocol)
            house.clear()
            ada.account(send={"wait": "120"}, fetch={"protocol": protocol, "port": house.port(port)})
            with peaks.Peaks(ada) as grown:
                result = ada.run("tappal-sendmail", "-i", "-t", stdin=text, limit=120)
                tap.same((result.status, result.err), (0, ""), f"{protocol}: sent")
                tap.same(ada.queue(), [], f"{protocol}: delivered, the queue is empty")
                result = ada.run("tappal-fetch", limit=120)
                tap.ok(result.status == 0, f"{protocol}: fetched", result)
            got = ada.fetched()
            tap.same(len(got), 1, f"{protocol}: one message")
            tap.same(from_first_own_header(got[0]) if got else b"", text, f"{protocol}: byte for byte")
            print(f"# {protocol}: {grown} kB")
            if lab.SANITIZED:
                tap.skip(f"{protocol}: memory", "sanitizers need their own")
            else:
                tap.ok({"tappal-sendmail", "tappal-deliver", "tappal-fetch"} <= set(grown)
                       and max(grown.values()) < LIMIT_KB, f"{protocol}: every process under 16 MB", grown)
    tap.done()


os.umask(0o022)
main()
