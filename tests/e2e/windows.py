#!/usr/bin/python3
"""windows - many messages ahead of their answers, through real servers; and the three faults of Dovecot's submission
service (2.3.19) that the steps of client/peer.h avoid, each shown raw first where this Dovecot has it.

run: limit=120
"""
import base64
import pathlib
import socket
import ssl
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab  # noqa: E402
import tap  # noqa: E402

MANY = 70
TEXT = b"Subject: x\r\n\r\nraw\r\n"


def raw(house, *flights):
    """Sends each flight after the answer to the one before; all that came back, and whether the server hung up."""
    context = ssl.create_default_context(cafile=house.site["CA"])
    secret = base64.b64encode(f"\0{house.site['USER']}\0{house.site['PASSWORD']}".encode())
    with socket.create_connection(("127.0.0.1", house.port("SUBMISSIONS"))) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as sock, sock.makefile("rb") as reader:
        sock.settimeout(5)
        reader.readline()
        for line in (b"EHLO raw\r\n", b"AUTH PLAIN " + secret + b"\r\n"):
            sock.sendall(line)
            while reader.readline()[3:4] == b"-":
                pass
        said = []
        for flight, answers in flights:
            sock.sendall(flight)
            said += [reader.readline() for _ in range(answers)]
        return said


def mail(house, sender=None):
    return f"MAIL FROM:<{sender or house.site['USER']}>\r\nRCPT TO:<{house.site['USER']}>\r\n".encode()


def faults(house):
    bdat = b"BDAT %d LAST\r\n" % len(TEXT) + TEXT
    said = raw(house, (mail(house), 2), (bdat + mail(house), 3))
    tap.ok(True, "Dovecot, MAIL behind an end of data, without RSET: " + repr(said[-2][:3]))
    said = raw(house, ((mail(house, "badsender@example.test") + bdat), 3))
    tap.ok(True, "Dovecot, BDAT in one flight with a refused MAIL: " + ("hangs up" if said[-1] == b"" else repr(said)))
    house.clear()


def person(house, name, port):
    someone = house.person(name)
    someone.account(send={"port": house.port(port)})
    return someone


def put(someone, count, *options):
    for n in range(count):
        someone.run("tappal-sendmail", "-odq", "-i", *options, "--", someone.lab.site["USER"], stdin=b"Subject: %d\n\nmessage %d\n.\n" % (n, n))


def arrived(house, count):
    for _ in range(400):
        if len(house.received()) >= count:
            break
        lab.time.sleep(0.05)
    return sorted(m.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1] for m in house.received())


def step(someone):
    return [int(p.read_text().split()[2]) for p in someone.state.glob("peers/*")]


def many(house, name, port):
    ada = person(house, name, port)
    put(ada, MANY)
    result = ada.run("tappal-deliver")
    tap.ok(result.status == 0 and not ada.queue(), f"{name}: all are sent", result, ada.log.read_text()[-2000:])
    tap.same(arrived(house, MANY), sorted(b"message %d\n.\n" % n for n in range(MANY)), f"{name}: each arrived once, as it was")
    tap.same(step(ada), [4], f"{name}: bears whole transactions in a window")
    house.clear()


def refused_sender(house):
    """The relay refuses MAIL, BDAT is in the same flight: Dovecot falls over. The true answer comes in lock step."""
    ada = person(house, "refused", "SUBMISSIONS")
    put(ada, 1, "-f", "badsender@example.test")
    ada.run("tappal-deliver")
    if step(ada) == []:
        tap.ok(True, "Dovecot answered a refused MAIL with BDAT behind it # SKIP it does not fall")
        return
    tap.same((len(ada.queue()), step(ada)), (1, [1]), "Dovecot fell: the message stays, and the host is left a step lower")
    ada.run("tappal-deliver", TAPPAL_TEST_CLOCK="1000")
    tap.same(ada.queue(), [], "Dovecot fell: in lock step with DATA it answers")
    reports = ada.fetched() + list(ada.state.glob("queue/failed/*"))
    tap.ok(reports and b"badsender" in b"".join(r if isinstance(r, bytes) else r.read_bytes() for r in reports), "Dovecot fell: the refusal comes back", reports)


def refused_among_many(house):
    ada = person(house, "among", "SUBMISSIONS")
    put(ada, 10)
    ada.run("tappal-deliver")
    house.clear()
    put(ada, 3)
    ada.run("tappal-sendmail", "-odq", "-i", "--", "unknown@example.test", "later@example.test", house.site["USER"], stdin=b"Subject: x\n\nmixed\n")
    put(ada, 3)
    ada.run("tappal-deliver")
    tap.same(arrived(house, 7), sorted([b"mixed\n"] + [b"message %d\n.\n" % n for n in range(3)] * 2), "refused and greylisted among many: the others arrive once")
    tap.same(len(ada.queue()), 1, "refused and greylisted among many: one stays for later")
    tap.same(step(ada), [4], "refused and greylisted among many: the host is not to blame")
    house.clear()


def main():
    with lab.Lab(postfix=lab.ROOT and lab.POSTFIX.exists()) as house:
        faults(house)
        many(house, "Dovecot", "SUBMISSIONS")
        refused_sender(house)
        refused_among_many(house)
        if "POSTFIX_PORT" in house.site and lab.ROOT and lab.POSTFIX.exists():
            many(house, "Postfix", "POSTFIXS")
    tap.done()


main()
