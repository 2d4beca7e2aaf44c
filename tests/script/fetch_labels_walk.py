#!/usr/bin/python3
"""fetch_labels_walk - links into several folders (fetch_labels.py), stopped or failing at every durable step: at no moment is
a message neither on the server nor here; after the next run each folder has each of its messages once, byte for byte, and
nothing is half-written.

run: limit=180
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching                  # noqa: E402
import tap                       # noqa: E402
from gmail import ALL, Gmail     # noqa: E402

STEPS_MAX = 200
FOLDERS = {"INBOX": ("", (1, 2, 3)), "Work": (".Work", (2, 3)), ALL: (".[Gmail].All Mail", (1, 2, 3))}


def text(i):
    return b"From: grace@example.test\r\nSubject: number %d\r\n\r\n" % i + b"Hello\r\n" * i


def here(ada, folder):
    return sorted(p.read_bytes().replace(b"\n", b"\r\n") for part in ("new", "cur") for p in (ada.maildir / folder / part).glob("*"))


def prepare(ada, gmail, many):
    """Some have come in an earlier run (into the INBOX alone), the others are new everywhere."""
    ada.forget()
    gmail.folders, gmail.next, gmail.handed = {"INBOX": {}, "Work": {}, ALL: {}}, {}, []
    for i in (1, 2, 3):
        message = gmail.add(text(i), "INBOX", *(["Work"] if i > 1 else []))
        if i == 1 and many:
            ada.run("tappal-fetch")
    return message


def walk(house, what, verb, suffix="", stride=1, **fetch):
    wrong, n = [], 1
    with Gmail() as gmail:
        ada = house.person()
        ada.account(fetch={"host": "localhost", "port": gmail.port, "tls": "off", "tls_ca": None, "auth": "plain", "folders": "*", "timeout": 5, **fetch})
        while n < STEPS_MAX:
            prepare(ada, gmail, n % 2)
            stopped = ada.run("tappal-fetch", TAPPAL_TEST_STEP=f"{verb}:{n}{suffix}:tappal-fetch", limit=30)
            there = [m.text for box in gmail.folders.values() for m in box.values()]
            lost = [i for folder, mine in FOLDERS.values() for i in mine if text(i) not in here(ada, folder) + there]
            again = ada.run("tappal-fetch", limit=30)
            bad = [name for name, (folder, mine) in FOLDERS.items() if here(ada, folder) != sorted(map(text, mine))]
            if lost or bad or again.status or ada.half_written():
                wrong.append(f"step {n}: lost {lost}, not as they should be: {bad}, half-written: {ada.half_written()}; {again}")
            if stopped.status == 0 and not stopped.err:
                break
            n += stride
    tap.ok(not wrong and 20 < n < STEPS_MAX, f"{what}: {n - 1} steps", *wrong[:5])


def main():
    with fetching.Alone() as house:
        walk(house, "stopped", "stop")
        walk(house, "stopped, keep = no", "stop", stride=3, keep="no")
        walk(house, "writes torn", "short", stride=3)
        walk(house, "disk full", "fail", ":ENOSPC", stride=3)
        walk(house, "input/output error", "fail", ":EIO", stride=2)
    tap.done()


main()
