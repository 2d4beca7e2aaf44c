#!/usr/bin/python3
"""fetch_status - what `tappal status` says of when an account was fetched last, and when new mail last came; and that a run
which has nothing to do does not wait for the disk over it.

run: limit=60
"""
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import lab       # noqa: E402
import peer      # noqa: E402
import tap       # noqa: E402
from imap_script import BYE, DONE, ask, listed, message, opened, sign_in  # noqa: E402

REFUSED = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\nC: {tag} AUTHENTICATE PLAIN *\nS: {tag} NO [AUTHENTICATIONFAILED] no\n"


def come(*uids):
    return sign_in() + opened(uids[-1], uids[-1] + 1) + listed(uids) + ask(f"{uids[0]}:{uids[-1]}") + "".join(message(u, b"a\r\n") for u in uids) + DONE + BYE


def said(ada):
    """What stands below the account."""
    return [line.strip() for line in ada.run("tappal", "status").out.splitlines() if line.startswith("  ")]


def told(ada):
    (account,) = json.loads(ada.run("tappal", "status", "--json").out)["accounts"]
    return account


def later(ada, seconds):
    ada.env["TAPPAL_TEST_CLOCK"] = str(seconds)


def times(house):
    ada = house.person()
    ada.account()
    tap.same((said(ada), told(ada)["fetched"], told(ada)["new_mail"]), (["not fetched yet"], None, None), "before the first time")
    fetching.run_case(ada, "the first time", come(1, 2, 3), "imap", mail=[b"a\n"] * 3)
    later(ada, 300)
    tap.same(said(ada), ["fetched 5 min ago, 3 new messages"], "with new mail")
    account = told(ada)
    tap.same((account["fetched"], account["new_messages"]), (account["new_mail"], 3), "with new mail: for programs")
    began = account["fetched"]
    for args in (("--dry-run",), ("--check",)):
        fetching.run_case(ada, f"{args[0]} is no fetching", sign_in() + opened(3, 4) + BYE, "imap", status=args[0] == "--check", args=args, mail=[b"a\n"] * 3)
    tap.same(told(ada)["fetched"], began, "only looking counts for nothing")
    ada.env["TAPPAL_TEST_STEP_LOG"] = str(house.dir / "steps")
    fetching.run_case(ada, "nothing new", sign_in() + opened(3, 4) + BYE, "imap", mail=[b"a\n"] * 3)
    del ada.env["TAPPAL_TEST_STEP_LOG"]
    steps = (house.dir / "steps").read_text() if (house.dir / "steps").exists() else ""
    tap.ok("sync" not in steps, "nothing new: nothing is waited for", steps)
    later(ada, 7500)
    tap.same(said(ada), ["fetched 2 h ago; the last new mail came 2 h ago"], "without new mail")
    account = told(ada)
    tap.ok(account["fetched"] >= began + 300 and (account["new_mail"], account["new_messages"]) == (began, 3), "without new mail: for programs", account)
    fetching.run_case(ada, "refused", REFUSED + BYE, "imap", status=77, mail=[b"a\n"] * 3, err="refuse", whole=False)
    tap.matches("\n".join(said(ada)), r"trouble with fetching: .*\nhint: .*\nlast fetched without trouble 2 h ago; the last new mail came 2 h ago$", "when it fails")


def nothing_ever(house):
    ada = house.person()
    fetching.run_case(ada, "an empty mailbox", sign_in() + opened(0, 1) + BYE, "imap", whole=False)
    tap.same(said(ada), ["fetched just now, no new messages"], "nothing has ever come")
    (memory,) = ada.state.glob("fetch/*/fetched")
    memory.write_text("what?\n")
    tap.same((said(ada), told(ada)["fetched"]), (["not fetched yet"], None), "what cannot be read is nothing")
    fetching.run_case(ada, "and is made anew", sign_in() + opened(0, 1) + BYE, "imap", whole=False)
    tap.same(said(ada), ["fetched just now, no new messages"], "made anew")


def at_work(house):
    """While a run is at work, here one whose server takes its time, and not longer."""
    ada = house.person()
    with peer.Peer(sign_in() + 'C: {tag} EXAMINE "INBOX"\ndelay 8\n', limit=20) as server:
        ada.account(fetch={"host": "localhost", "port": server.port, "tls": "off", "tls_ca": None, "auth": "plain", "timeout": 10})
        with subprocess.Popen([lab.BUILD / "tappal-fetch"], env=ada.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline and not list(ada.state.glob("fetch/*/lock")):
                time.sleep(0.02)
            while time.monotonic() < deadline and said(ada) != ["being fetched now"]:
                time.sleep(0.02)
            tap.same((said(ada), told(ada)["fetching"]), (["being fetched now"], True), "a run is at work")
            run.kill()
    tap.same((said(ada), told(ada)["fetching"]), (["not fetched yet"], False), "it was killed")


def main():
    with fetching.Alone() as house:
        times(house)
        nothing_ever(house)
        at_work(house)
    tap.done()


main()
