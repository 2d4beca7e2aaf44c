#!/usr/bin/python3
"""postfix - the same accounts against another server: Postfix, which answers in its own ways.

run: limit=120
"""
import email
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import tap      # noqa: E402

TEXT = "From: ada@example.test\nTo: {to}\nSubject: {subject}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n.dot\nGrüße\nlast line\n"


def wait_for(condition, seconds=20):
    """Postfix accepts first and delivers after."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def send(ada, subject, *to):
    text = TEXT.format(to=", ".join(to), subject=subject).encode()
    return ada.run("tappal-sendmail", "-i", "-t", stdin=text, tty=True)


def delivered(house, ada, port, tls, auth):
    ada.account(auth=auth, send={"port": house.port(port), "tls": tls})
    what = f"{tls}, {auth}"
    result = send(ada, what, house.site["USER2"])
    tap.same((result.status, result.err), (0, ""), f"{what}: accepted")
    grace = house.site["USER2"]
    came = wait_for(lambda: house.received(grace))
    tap.ok(came and came[0].replace(b"\r\n", b"\n").endswith(f"Subject: {what}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n.dot\nGrüße\nlast line\n".encode()), f"{what}: arrived intact", came)
    house.clear()


def encoded(house, ada):
    """A port without 8BITMIME: the text arrives encoded, and is the same."""
    ada.account(auth="plain", send={"port": house.port("POSTFIX7"), "tls": "implicit"})
    result = send(ada, "narrow", house.site["USER2"])
    tap.same((result.status, result.err), (0, ""), "without 8BITMIME: accepted")
    wait_for(lambda: house.received(house.site["USER2"]))
    came = email.message_from_bytes(b"".join(house.received(house.site["USER2"])))
    tap.same(came["Content-Transfer-Encoding"], "quoted-printable", "without 8BITMIME: it went out encoded")
    tap.same(came.get_payload(decode=True).decode().replace("\r\n", "\n"), ".dot\nGrüße\nlast line\n", "without 8BITMIME: the text is the same")
    house.clear()
    signed = b"From: ada@example.test\nTo: grace@example.test\nMIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b\n\n--b\n\nGr\xc3\xbc\xc3\x9fe\n--b--\n"
    result = ada.run("tappal-sendmail", "-i", "-t", stdin=signed, tty=True)
    tap.same(result.status, 69, "without 8BITMIME: signed mail is refused")
    tap.matches(result.err, "it is signed or encrypted", "without 8BITMIME: and why")


def refused(house, ada):
    wait_for(lambda: not ada.processes())  # a deliverer that is just leaving would take the message, and nobody hear its answer
    result = send(ada, "nobody", "nobody@example.test")
    tap.same(result.status, 69, "every recipient refused: 69")
    tap.matches(result.err, r"nobody@example\.test.*5\.1\.1", "every recipient refused: the reply is shown")
    tap.same(ada.queue(), [], "every recipient refused: nothing kept")


def too_large(house, ada):
    result = ada.run("tappal-sendmail", "-i", "-t", tty=True,
                     stdin=TEXT.format(to=house.site["USER2"], subject="large").encode() + b"0123456789abcdef" * 4 * 1_000_000)
    tap.same(result.status, 69, "larger than SIZE: 69")
    tap.ok(re.search(r"at most 60000000", result.err), "larger than SIZE: it says so", result)


def main():
    if not lab.ROOT or not lab.POSTFIX.exists():
        print("1..0 # SKIP root only, with the Postfix that `tests/deps --unpack` unpacks")
        return
    with lab.Lab(postfix=True) as house:
        ada = house.person("ada")
        for port, tls, auth in (("POSTFIX", "starttls", "plain"), ("POSTFIXS", "implicit", "scram"), ("POSTFIXS", "implicit", "login")):
            delivered(house, ada, port, tls, auth)
        encoded(house, ada)
        ada.account(auth="login", send={"port": house.port("POSTFIXS"), "tls": "implicit"})
        refused(house, ada)
        too_large(house, ada)
    tap.done()


main()
