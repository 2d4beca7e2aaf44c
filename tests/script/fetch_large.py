#!/usr/bin/python3
"""fetch_large - max_size: of a large message the header and a word about the rest are put down; the message stays on the server,
unread and undeleted, until a person asks for it.

run: limit=60
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching     # noqa: E402
import imap_script  # noqa: E402
import tap          # noqa: E402
from imap_script import BYE, DATE, DONE, ask, message, opened  # noqa: E402

SIGN_IN = imap_script.sign_in()
HEADER = b"From: ada@example.org\r\nContent-Type: multipart/mixed; boundary=x\r\nSubject: big\r\nMIME-Version: 1.0\r\n\r\n"
WHOLE = HEADER + b"--x\r\n\r\nbody\r\n--x--\r\n"
SIZES = (f'S: * 1 FETCH (UID 1 RFC822.SIZE 3 INTERNALDATE "{DATE}")\nS: * 2 FETCH (UID 2 RFC822.SIZE 20000000 INTERNALDATE "{DATE}")\n')
LISTED = "C: {tag} UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID 1:*\n" + SIZES + "S: {tag} OK\nS: * SEARCH 1 2\nS: {search} OK\n"
SMALL = ask(1) + message(1, b"a\r\n") + DONE
ASK_HEADER = "C: {tag} UID FETCH 2 (UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER]<0.131072>)\n"


def header_of(uid, header):
    text = "".join("\\x%02x" % b for b in header)
    return rf'S| * 2 FETCH (UID {uid} RFC822.SIZE 20000000 INTERNALDATE "{DATE}" BODY[HEADER]<0> {{{len(header)}}}\r\n{text})\r\n' + "\n" + DONE


def stub_of(command, size="20 MB"):
    return ("From: ada@example.org\nSubject: big\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
            f"This message is {size} large, more than max_size allows for. Only its header is\n"
            f"here; the message itself is still on the server. To fetch the whole of it:\n\n    {command}\n").encode()


STUB = stub_of("tappal fetch work --uid INBOX/2")


def imap(house):
    ada = house.person()
    deleted = "C: {tag} UID STORE 1 +FLAGS.SILENT (\\Seen)\nS: {tag} OK\nC: {tag} UID STORE 1 +FLAGS.SILENT (\\Deleted)\nS: {tag} OK\nC: {tag} UID EXPUNGE 1\nS: {tag} OK\n"
    first = SIGN_IN + opened(2, 3, examine="SELECT") + LISTED + SMALL + ASK_HEADER + header_of(2, HEADER) + deleted + BYE
    options = {"max_size": "10M", "keep": "no", "mark_seen": "yes"}
    fetching.run_case(ada, "a stub; neither read nor deleted on the server", first, "imap", mail=[b"a\n", STUB], **options)
    fetching.run_case(ada, "once", SIGN_IN + opened(1, 3, examine="SELECT") + BYE, "imap", mail=[b"a\n", STUB], **options)
    tap.same([int(p.stat().st_mtime) for p in ada.maildir.glob("new/*") if p.read_bytes() == STUB], [837596665], "a stub has the message's time")
    (command,) = re.findall(r"    tappal fetch (.*)\n", STUB.decode())
    one = f'C: {{tag}} UID FETCH 2 (UID RFC822.SIZE INTERNALDATE)\nS: * 1 FETCH (UID 2 RFC822.SIZE 20000000 INTERNALDATE "{DATE}")\nS: {{tag}} OK\n'
    script = SIGN_IN + opened(1, 3) + one + ask(2) + message(2, WHOLE) + DONE + BYE
    whole = WHOLE.replace(b"\r\n", b"\n")
    fetching.run_case(ada, "the whole takes its place", script, "imap", args=command.split(), mail=[b"a\n", whole], **options)
    fetching.run_case(ada, "again: it is here", script, "imap", args=command.split(), mail=[b"a\n", whole], **options)
    for path in ada.maildir.glob("*/*"):
        if path.read_bytes() == whole:
            path.unlink()
    fetching.run_case(ada, "again: it was thrown away here", script, "imap", args=command.split(), mail=[b"a\n", whole], **options)
    gone = SIGN_IN + opened(1, 3) + "C: {tag} UID FETCH 7 (UID RFC822.SIZE INTERNALDATE)\nS: {tag} OK\n" + BYE
    fetching.run_case(ada, "one that is not there", gone, "imap", args=("work", "--uid", "INBOX/7"), mail=[b"a\n", whole], status=65, err="no message 7 in the folder INBOX.*hint")
    old = f'C: {{tag}} UID FETCH 2 (UID RFC822.SIZE INTERNALDATE)\nS: * 1 FETCH (UID 2 RFC822.SIZE 20000000 INTERNALDATE "{DATE}")\nS: {{tag}} OK\n'
    fetching.run_case(ada, "whole, it may be deleted, if it is as it was", SIGN_IN + opened(1, 3, examine="SELECT") + old + BYE, "imap", mail=[b"a\n", whole], status=76, err="another way", **options)


def changed(house):
    """A stub that somebody has written into stays beside the message."""
    ada = house.person()
    first = SIGN_IN + opened(2, 3) + LISTED + SMALL + ASK_HEADER + header_of(2, HEADER) + BYE
    fetching.run_case(ada, "changed: a stub", first, "imap", mail=[b"a\n", STUB], max_size="10M")
    (path,) = (p for p in ada.maildir.glob("new/*") if p.read_bytes() == STUB)
    path.rename(ada.maildir / "cur" / (path.name + ":2,S"))
    path = ada.maildir / "cur" / (path.name + ":2,S")
    path.write_bytes(STUB + b"a note\n")
    one = f'C: {{tag}} UID FETCH 2 (UID RFC822.SIZE INTERNALDATE)\nS: * 1 FETCH (UID 2 RFC822.SIZE 20000000 INTERNALDATE "{DATE}")\nS: {{tag}} OK\n'
    fetching.run_case(ada, "changed: both are there", SIGN_IN + opened(1, 3) + one + ask(2) + message(2, b"b\r\n") + DONE + BYE, "imap",
                      args=("work", "--uid", "INBOX/2"), mail=[b"a\n", b"b\n", STUB + b"a note\n"], max_size="10M")


def odd(house):
    ada = house.person()
    cut = HEADER[:60]
    kept = b"From: ada@example.org\n" + STUB[STUB.index(b"MIME-Version"):]
    script = SIGN_IN + opened(2, 3) + LISTED + SMALL + ASK_HEADER + header_of(2, cut) + BYE
    fetching.run_case(ada, "a header without end", script, "imap", mail=[b"a\n", kept], max_size="10M")
    ada = house.person()
    script = (SIGN_IN + opened(2, 3) + LISTED + SMALL + ASK_HEADER + DONE + ASK_HEADER + "S: {tag} NO broken\n" + "C: {tag} UID SEARCH UID 2\nS: * SEARCH 2\nS: {tag} OK\n" + BYE)
    fetching.run_case(ada, "a header that does not come", script, "imap", mail=[b"a\n"], status=76, err="UID 2.*broken", max_size="10M")
    for args, status, err in ((("--uid", "INBOX"), 64, "names no message"), (("--uid", "INBOX/0"), 64, "names no message"), (("--uid", "/5"), 64, "names no message"),
                              (("--uid", "INBOX/5x"), 64, "names no message")):
        result = ada.run("tappal-fetch", "work", *args)
        tap.ok(result.status == status and err in result.err and "hint" in result.err, f"{args}", result)


def pop3(house):
    ada = house.person()
    begin = "S: +OK hello\nC: CAPA\nS: +OK\nS: USER\nS: UIDL\nS: TOP\nS: SASL PLAIN\nS: .\nC: AUTH PLAIN *\nS: +OK in\n"
    listing = "C: LIST\nS: +OK\nS: 1 3\nS: 2 20000000\nS: .\nC: UIDL\nS: +OK\nS: 1 one\nS: 2 two\nS: .\n"
    head = "C: TOP 2 0\nS: +OK\n" + "".join(f"S: {line}\n" for line in HEADER.decode().split("\r\n")[:-1]) + "S: .\n"
    retr = "C: RETR 1\nS: +OK\nS: a\nS: .\n"
    bye = "C: QUIT\nS: +OK\n"
    result, server = fetching.play(ada, begin + listing + head + retr + "C: DELE 1\nS: +OK\n" + bye, "pop3", max_size="10M", keep="no")
    tap.ok(server.good and result.status == 0, "POP3: the conversation", result, *server.transcript)
    stub = next((text for text in ada.fetched() if text != b"a\n"), b"")
    command = re.findall(rb"    tappal fetch (work --uid INBOX/[0-9a-f]{32})\n", stub)
    tap.ok(len(command) == 1 and stub == stub_of("tappal fetch " + command[0].decode()), "POP3: a stub", stub)
    listing = "C: LIST\nS: +OK\nS: 1 20000000\nS: .\nC: UIDL\nS: +OK\nS: 1 two\nS: .\n"
    result, server = fetching.play(ada, begin + listing + "C: RETR 1\nS: +OK\nS: whole\nS: .\n" + bye, "pop3", args=command[0].decode().split(), max_size="10M", keep="no")
    tap.ok(server.good and result.status == 0, "POP3: asked for", result, *server.transcript)
    tap.same(sorted(ada.fetched()), [b"a\n", b"whole\n"], "POP3: the whole takes its place")


def main():
    with fetching.Alone() as house:
        imap(house)
        changed(house)
        odd(house)
        pop3(house)
    tap.done()


main()
