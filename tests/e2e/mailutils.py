#!/usr/bin/python3
"""mailutils - tappal-fetch against the POP3 server of GNU Mailutils, which adds notes of its own to the headers: sizes and
headers are others in the next session, and there are no doubles for it.

run: limit=60
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching   # noqa: E402
import lab        # noqa: E402
import mailutils  # noqa: E402
import tap        # noqa: E402


def letter(n):
    return f"From: grace@example.test\nMessage-ID: <{n}@example.test>\nSubject: letter {n}\n\nbody {n}\n.dot\n".encode()


def bare(text):
    """A message without what the server noted in it."""
    return re.sub(rb"(?m)^(X-UIDL|X-IMAPbase|X-UID|Status):.*\n", b"", text)


def main():
    if not lab.ROOT or not mailutils.PROGRAM.exists():
        tap.skip("mailutils-pop3d", "tests/deps --unpack has not been run" if lab.ROOT else "root only: the server changes its user")
        tap.done()
    with fetching.Alone() as house, mailutils.Pop3(house.dir / "mailutils") as server:
        ada = house.person()
        settings = {"protocol": "pop3", "host": "localhost", "port": server.port, "tls": "off", "tls_ca": None}

        def fetch(**options):
            ada.account(fetch={**settings, **options}, password=server.password, login=server.user)
            return ada.run("tappal-fetch")

        for n in range(30):
            server.put(letter(n))
        result = fetch()
        tap.ok(result.status == 0 and not result.err, "30 messages are fetched", result)
        tap.same(sorted(map(bare, ada.fetched())), sorted(letter(n) for n in range(30)), "as they are")
        for n, what in ((30, "once more"), (31, "and again")):
            server.put(letter(n))
            result = fetch()
            tap.ok(result.status == 0 and not result.err, f"{what}: fetched", result)
            tap.same(sorted(map(bare, ada.fetched())), sorted(letter(k) for k in range(n + 1)), f"{what}: only what is new")
        check = ada.run("tappal", "verify")
        tap.same((check.status, check.out), (0, "INBOX: 32 on the server; 32 here\n"), "verified")
        result = fetch(keep="no")
        tap.same((result.status, server.left(), len(ada.fetched())), (0, 0, 32), "keep = no takes them all off") or print("#", result)
        server.put(letter(40))
        result = fetch(keep="no")
        tap.same((result.status, server.left(), len(ada.fetched())), (0, 0, 33), "what comes then is fetched") or print("#", result)
        ada.account(fetch=settings, password="wrong", login=server.user)
        result = ada.run("tappal-fetch")
        tap.ok(result.status == 77 and "refused the password" in result.err, "a wrong password", result)
    tap.done()


main()
