#!/usr/bin/python3
"""fetch_throttle - servers that ask for patience: it is said once, remembered from run to run, and afterwards less is asked for at a
time.

run: limit=60
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching     # noqa: E402
import imap_script  # noqa: E402
import tap          # noqa: E402
from imap_script import BYE, DONE, ask, listed, message, opened  # noqa: E402

SIGN_IN = imap_script.sign_in()
OUTLOOK = "S: {tag} BAD Request is throttled. Suggested Backoff Time: 90000 milliseconds\n"


def waits(ada, name, mail=()):
    """A run that asks the server for nothing, and says nothing."""
    result = ada.run("tappal-fetch", "work")
    tap.ok(result.status == 75 and not result.out + result.err, f"{name}: waits in silence", result)
    tap.same(sorted(ada.fetched()), sorted(mail), f"{name}: the messages")


def outlook(house):
    ada = house.person()
    uids = list(range(1, 11))
    first = SIGN_IN + opened(10, 11) + listed(uids) + ask("1:10") + message(10, b"a\r\n") + OUTLOOK
    fetching.run_case(ada, "Outlook", first, "imap", mail=[b"a\n"], status=75, whole=False,
                      err=r"throttled.*\n.*hint: It limits how much it is asked\. Nothing is lost; it is left alone for 90 s")
    waits(ada, "Outlook, a minute", [b"a\n"])
    told = ada.run("tappal-fetch", "work", tty=True)
    tap.ok(told.status == 75 and "throttled" in told.err and "another" in told.err, "Outlook: a person at the terminal is told", told)
    ada.env["TAPPAL_TEST_CLOCK"] = "100"
    calm = (SIGN_IN + opened(10, 11) + listed(uids) + ask("2:9") + "".join(message(n, b"b\r\n") for n in range(2, 10)) + DONE + ask(1) + message(1, b"b\r\n") + DONE + BYE)
    fetching.run_case(ada, "Outlook, then: few, one command at a time", calm, "imap", mail=[b"a\n"] + [b"b\n"] * 9)


def gmail(house):
    ada = house.person()
    refused = imap_script.sign_in().replace("{tag} OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS] in", "{tag} NO [ALERT] Too many simultaneous connections. (Failure)")
    fetching.run_case(ada, "Gmail: connections", refused, "imap", status=75, err="Too many simultaneous.*left alone for 5 min")
    waits(ada, "Gmail: connections")
    ada = house.person()
    limited = SIGN_IN + "C: {tag} EXAMINE \"INBOX\"\nS: {tag} NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)\n"
    fetching.run_case(ada, "Gmail: bandwidth", limited, "imap", status=75, err=r"\[OVERQUOTA\] Account exceeded.*left alone for 1 h", whole=False)
    waits(ada, "Gmail: bandwidth")
    ada.env["TAPPAL_TEST_CLOCK"] = "-100000"
    fetching.run_case(ada, "a clock that was set back holds nothing", SIGN_IN + opened(0, 1) + BYE, "imap")
    ada = house.person()
    end = SIGN_IN + opened(1, 2) + listed([1]) + ask(1) + "S: * BYE [THROTTLED] too much\ncut\n"
    fetching.run_case(ada, "a limit in BYE", end, "imap", status=75, err="too much.*left alone for 10 min")
    waits(ada, "a limit in BYE")


def by_folders(house):
    """No other folder is asked for once one was refused so."""
    ada = house.person()
    folders = 'C: {tag} LIST "" "*"\nS: * LIST () "/" INBOX\nS: * LIST () "/" Two\nS: {tag} OK\n'
    states = 'C: {one} STATUS "INBOX" (*)\nC: {two} STATUS "Two" (*)\nS: {one} NO\nS: {two} NO\n'
    limited = 'C: {tag} EXAMINE "INBOX"\nS: {tag} NO [LIMIT] slower\n'
    fetching.run_case(ada, "folders", SIGN_IN + folders + states + limited, "imap", status=75, err=r"\[LIMIT\] slower", folders="*", whole=False)
    waits(ada, "folders")


def main():
    with fetching.Alone() as house:
        outlook(house)
        gmail(house)
        by_folders(house)
    tap.done()


main()
