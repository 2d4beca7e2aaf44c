#!/usr/bin/python3
"""big - a message of 50 MB goes out and comes back byte for byte, and no process grows over 16 MB.

run: limit=240
"""
import hashlib
import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
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


class Watch(threading.Thread):
    """The largest VmHWM seen of each program of ours that this person runs."""

    def __init__(self, person):
        super().__init__(daemon=True)
        self.person, self.peaks, self.over = person, {}, False

    def look(self):
        for pid in self.person.processes():
            try:
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            if facts["Name"].startswith("tappal") and "VmHWM" in facts:
                name = facts["Name"]
                self.peaks[name] = max(self.peaks.get(name, 0), int(facts["VmHWM"].split()[0]))

    def run(self):
        while not self.over:
            self.look()
            time.sleep(0.01)


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
            watch = Watch(ada)
            watch.start()
            result = ada.run("tappal-sendmail", "-i", "-t", stdin=text, limit=120)
            tap.same((result.status, result.err), (0, ""), f"{protocol}: sent")
            tap.same(ada.queue(), [], f"{protocol}: delivered, the queue is empty")
            result = ada.run("tappal-fetch", limit=120)
            tap.ok(result.status == 0, f"{protocol}: fetched", result)
            watch.over = True
            watch.join()
            got = ada.fetched()
            tap.same(len(got), 1, f"{protocol}: one message")
            tap.same(from_first_own_header(got[0]) if got else b"", text, f"{protocol}: byte for byte")
            print(f"# {protocol}: {watch.peaks} kB")
            if lab.SANITIZED:
                tap.skip(f"{protocol}: memory", "sanitizers need their own")
            else:
                tap.ok({"tappal-sendmail", "tappal-deliver", "tappal-fetch"} <= set(watch.peaks)
                       and max(watch.peaks.values()) < LIMIT_KB, f"{protocol}: every process under 16 MB", watch.peaks)
    tap.done()


os.umask(0o022)
main()
