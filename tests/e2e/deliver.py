#!/usr/bin/python3
"""deliver - tappal-deliver through real servers: Dovecot's submission service in both manners of TLS, Postfix with
its own way of refusing recipients, many messages over one connection.

run: limit=180
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab  # noqa: E402
import tap  # noqa: E402

MANY = 40


def send(person, *recipients, message=b"Subject: x\n\nHello\n", options=()):
    return person.run("tappal-sendmail", "-i", "-f", person.lab.site["USER"], *options, "--", *recipients, stdin=message)


def bodies(site):
    return sorted(m.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1] for m in site.received())


def through_dovecot(site):
    user = site.site["USER"]
    for what, options in (("implicit TLS", {}), ("STARTTLS", {"port": site.port("SUBMISSION"), "tls": "starttls"}),
                          ("SCRAM", {"auth": "scram"}), ("PLAIN", {"auth": "plain"}), ("LOGIN", {"auth": "login"})):
        ada = site.person("dovecot")
        ada.account(send=options)
        text = f"by {what}\n.\n..\n".encode()
        result = send(ada, user, message=b"Subject: x\n\n" + text, options=("-odi",))
        tap.ok(result.status == 0 and not result.err and not ada.queue(), f"Dovecot, {what}: sent", result)
        tap.same(bodies(site), [text], f"Dovecot, {what}: it is what was sent")
        site.clear()
        ada.end_processes()
        site.people.remove(ada)
        lab.shutil.rmtree(ada.home)


def many_at_once(site, what, **options):
    user = site.site["USER"]
    ada = site.person("many")
    ada.account(send=options)
    texts = sorted(b"message %d\n" % n for n in range(MANY))
    for text in texts:
        send(ada, user, message=b"Subject: x\n\n" + text, options=("-odq",))
    tap.same(len(ada.queue()), MANY, f"{what}: {MANY} messages wait")
    result = ada.run("tappal-deliver")
    tap.ok(result.status == 0 and not ada.queue(), f"{what}: all are sent", result)
    settled(site, MANY)
    tap.same(bodies(site), texts, f"{what}: each arrived once")
    site.clear()
    ada.end_processes()
    site.people.remove(ada)
    lab.shutil.rmtree(ada.home)


def settled(site, count):
    """Postfix hands over in its own time."""
    for _ in range(200):
        if len(site.received()) >= count:
            return
        lab.time.sleep(0.05)


def one_of_two_refused(site):
    user = site.site["USER"]
    ada = site.person("refused")
    ada.account(send={"port": site.port("POSTFIXS")})
    result = send(ada, user, "nobody@elsewhere.test", "nosuch@example.test", options=("-odi",))
    settled(site, 1)
    tap.same(len(site.received()), 1, "Postfix: the good recipient has it")
    tap.ok(result.status == 0 and not ada.queue(), "Postfix: done with, status 0", result)
    reports = ada.fetched()
    tap.ok(len(reports) == 1 and b"nosuch@example.test" in reports[0] and b"Action: failed" in reports[0] and
           user.encode() + b"\nAction" not in reports[0], "Postfix: one report on the others", *reports)
    result = send(ada, "nosuch@example.test", options=("-odi",))
    tap.ok(result.status == 69 and "nosuch@example.test" in result.err and not ada.queue(),
           "Postfix: all refused, the caller hears it", result)
    tap.same(len(ada.fetched()), 1, "Postfix: and no report is made")
    site.clear()


def main():
    postfix = lab.ROOT and lab.POSTFIX.exists()
    with lab.Lab(postfix=postfix) as site:
        through_dovecot(site)
        many_at_once(site, "Dovecot")
        if not postfix:
            tap.skip("Postfix", "root only" if not lab.ROOT else "no Postfix under build/; `make deps` brings it")
        else:
            many_at_once(site, "Postfix", port=site.port("POSTFIXS"))
            one_of_two_refused(site)
    tap.done()


main()
