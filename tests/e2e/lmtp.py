#!/usr/bin/python3
"""lmtp - mail handed to Dovecot's LMTP service, which puts it into mailboxes itself.

run: limit=120
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab  # noqa: E402
import tap  # noqa: E402

TEXT = b"From: ada@example.test\nTo: grace@example.test\nSubject: x\n\n.\n..\nHello\n"
MANY = 12


def send(person, *recipients, options=()):
    return person.run("tappal-sendmail", "-i", "-f", "ada@example.test", *options, "--", *recipients, stdin=TEXT, tty=True)


def over(site, what, **options):
    """A message over this way, to two people at once."""
    ada, grace = site.site["USER"], site.site["USER2"]
    person = site.person("over")
    person.account(send={"protocol": "lmtp", "auth": "none", **options})
    result = send(person, ada, grace)
    tap.same((result.status, result.err), (0, ""), f"{what}: delivered")
    for address in (ada, grace):
        came = [m.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1] for m in site.received(address)]
        tap.same(came, [b".\n..\nHello\n"], f"{what}: {address} has it, as it was sent")
    site.clear()
    return person


def leave(site, person):
    person.end_processes()
    site.people.remove(person)
    lab.shutil.rmtree(person.home)


def main():
    with lab.Lab() as site:
        socket = {"host": None, "port": None, "tls_ca": None, "tls": "off", "socket": site.site["LMTP_SOCKET"]}
        leave(site, over(site, "TCP with STARTTLS", port=site.port("LMTP"), tls="starttls"))
        leave(site, over(site, "TCP on this machine", port=site.port("LMTP"), tls="off", tls_ca=None))
        person = over(site, "a UNIX socket", **socket)
        result = send(person, site.site["USER"], "nobody@example.test")
        tap.same((result.status, len(site.received())), (0, 1), "one of two recipients unknown: the other has it")
        result = send(person, "nobody@example.test")
        tap.same(result.status, 69, "every recipient unknown: 69")
        tap.matches(result.err, r"nobody@example\.test.*550 5\.1\.1", "every recipient unknown: the reply is shown")
        site.clear()
        for _ in range(MANY):
            send(person, site.site["USER"], site.site["USER2"], options=("-odq",))
        result = person.run("tappal-deliver")
        tap.same((result.status, person.queue()), (0, []), "many at once: all are sent")
        tap.same((len(site.received()), len(site.received(site.site["USER2"]))), (MANY, MANY), "many at once: each arrived once")
    tap.done()


main()
