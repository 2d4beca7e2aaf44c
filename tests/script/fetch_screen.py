#!/usr/bin/python3
"""fetch_screen - progress on a terminal: whatever the folders are called and however narrow it is, each account has one line
with the numbers in it, which goes away at the end.

run: limit=120
"""
import base64
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching             # noqa: E402
import tap                  # noqa: E402
from gmail import Gmail     # noqa: E402
from screen import Screen   # noqa: E402

FOLDERS = ["INBOX", "x" * 120, "\u65e5\u672c\u8a9e" * 20, "e\u0301\u202egnp.exe", "\x1b[2Jgone\x07", "\U0001f600" * 30]
MESSAGE = b"Subject: hello\r\n\r\n" + b"0123456789\r\n" * 200


def modified_utf7(name):
    return re.sub("[^ -~]+", lambda m: "&" + base64.b64encode(m[0].encode("utf-16be")).decode().rstrip("=").replace("/", ",") + "-", name)


def lines_of(err):
    """Each line of progress as it was written, without what moves the cursor."""
    return [line for line in re.sub(r"\x1b\[\d*[A-Za-z]", "", err).replace("\r", "\n").split("\n") if line]


def look(house, columns, accounts=("work",)):
    with Gmail(("XNONE", "XNONE")) as server:
        server.pause = 0.12
        ada = house.person()
        for name in FOLDERS:
            for _ in range(2):
                server.add(MESSAGE, modified_utf7(name))
        for name in accounts:
            ada.account(name, fetch={"host": "localhost", "port": server.port, "tls": "off", "tls_ca": None, "auth": "plain", "folders": "*, !\\All",
                                     "maildir": ada.home / "Mail" / name})
        result = ada.run("tappal-fetch", tty=(24, columns), TERM="vt100")
    screen, lines, what = Screen(columns).feed(result.err), lines_of(result.err), f"{columns} columns, {len(accounts)} accounts"
    tap.same((result.status, len(result.out.splitlines())), (0, len(accounts)), f"{what}: all is fetched") or print("#", result)
    tap.ok(len(lines) > 5 and not screen.wrapped, f"{what}: no line is too long", *lines[:20])
    tap.same((screen.shown(), screen.strange), ([], []), f"{what}: nothing is left of it, and no name plays with the terminal")
    without = [line for line in lines if not re.search(r" \d/2(,|$)", line)]
    tap.ok(not without, f"{what}: each line has its numbers", *without)


def main():
    with fetching.Alone() as house:
        look(house, 80)
        look(house, 40)
        look(house, 40, ("work", "an-account-with-a-name-that-is-rather-long"))
        look(house, 200, ("work", "home"))
    tap.done()


main()
