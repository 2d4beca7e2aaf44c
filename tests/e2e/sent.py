#!/usr/bin/python3
"""sent - copies of what was sent, through a real submission service and into a real IMAP server's folder: each once,
marked as read, and as it was sent; then fetched from there.

run: limit=120
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab  # noqa: E402
import tap  # noqa: E402

MANY = 50
LARGE = b"".join(b"%078d\n" % n for n in range(4000))


def kept(site, folder="Sent"):
    """(flags, text) of what the folder holds."""
    imap = site.imap()
    imap.select(folder, readonly=True)
    parts = imap.fetch("1:*", "(FLAGS BODY.PEEK[])")[1]
    imap.logout()
    return [(part[0], part[1]) for part in parts if isinstance(part, tuple)]


def body(text):
    return text.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1]


def as_it_left(text):
    """Without the line that the site adds."""
    return re.sub(rb"\AReceived:.*?\r\n(?=\S)", b"", text, flags=re.S)


def send(ada, text, *options):
    return ada.run("tappal-sendmail", "-i", *options, "-f", ada.lab.site["USER"], "--", ada.lab.site["USER"], stdin=b"Subject: x\n\n" + text)


def many(site, ada):
    texts = sorted([b"message %d\n" % n for n in range(MANY)] + [LARGE, "Grüße\n".encode()])
    for text in texts:
        send(ada, text, "-odq")
    ada.run("tappal-deliver")
    copies = kept(site)
    tap.same(sorted(body(text) for _, text in copies), texts, f"{MANY} small ones, a large one, one in UTF-8: a copy of each")
    tap.ok(all(b"\\Seen" in head for head, _ in copies), "marked as read", copies[:3])
    tap.same(ada.queue(), [], "the queue is empty")
    tap.same(sorted(text for _, text in copies), sorted(as_it_left(text) for text in site.received()), "the copies are what was sent, byte for byte")


def waited_for(site, ada):
    before = len(kept(site))
    user = site.site["USER"]
    result = ada.run("tappal-sendmail", "-i", "-odi", "-f", user, "--", user, stdin=b"Subject: x\n\nwaited for\n", tty=True)
    tap.ok(result.status == 0 and not result.err, "sent while the caller waits: nothing is said, on a terminal too", result)
    for _ in range(200):
        if len(kept(site)) > before:
            break
        lab.time.sleep(0.05)
    tap.same(len(kept(site)), before + 1, "the copy comes behind") or print("#", ada.log.read_text()[-600:])


def fetched(site, ada):
    result = ada.run("tappal-fetch")
    names = [p for p in (ada.maildir / ".Sent").glob("*/*") if p.parent.name in ("new", "cur")]
    tap.ok(result.status == 0 and len(names) == len(kept(site)), "the copies can be fetched", result, len(names))


def into_a_folder(site, ada):
    imap = site.imap()
    imap.create("Post/Gesendet")
    imap.logout()
    ada.account(send={"sent": "imap Post/Gesendet"}, fetch={"folders": "\\Sent"})
    send(ada, b"elsewhere\n", "-odq")
    ada.run("tappal-deliver")
    tap.same([body(text) for _, text in kept(site, "Post/Gesendet")], [b"elsewhere\n"], "into a folder by name")


def main():
    with lab.Lab() as site:
        imap = site.imap()
        imap.create("Sent")
        imap.logout()
        ada = site.person()
        ada.account(send={"sent": "imap"}, fetch={"folders": "\\Sent"})
        many(site, ada)
        waited_for(site, ada)
        fetched(site, ada)
        into_a_folder(site, ada)
    tap.done()


main()
