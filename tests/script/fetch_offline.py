#!/usr/bin/python3
"""fetch_offline - tappal-fetch where this machine has no network: silent for hours, then told once. A server that
refuses is another matter.

run: limit=60
"""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import lab       # noqa: E402
import tap       # noqa: E402

ALONE = ["unshare", "-n"] if lab.ROOT else ["unshare", "--map-current-user", "-n"]
NOWHERE = {"host": "192.0.2.1", "port": 993, "tls": "implicit"}

def at(person, hours, *args, **how):
    return person.run("tappal-fetch", *args, under=ALONE, TAPPAL_TEST_CLOCK=str(int(hours * 3600)), **how)


def offline(ada):
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode != 0:
        tap.skip("without a network", "no network namespace can be made")
        return
    told = ada.home / "told"
    ada.write(ada.config / "tappal.ini", f"[tappal]\nlog = {ada.log}\nnotify = sh: echo \"$1 $2\" >>{told}\n")
    ada.account(fetch=NOWHERE)
    for hours, said in ((0, False), (2, False), (3.9, False), (4.1, True), (5, False), (40, False)):
        result = at(ada, hours)
        tap.same((result.status, bool(result.err)), (75, said), f"no network for {hours} hours: {'told' if said else 'silent'}")
        shown = ada.run("tappal", "status", TAPPAL_TEST_CLOCK=str(int(hours * 3600))).out
        tap.matches(shown, r"  trouble with fetching.*: There has been no network" if hours > 4 else r"\n  no network( for [24] h)?\n  not fetched yet\n", f"status: {hours} hours")
        tap.same(shown.count("no network"), 1, f"status: {hours} hours, once")
        if said:
            tap.matches(result.err, r"work: There has been no network for 4 h.*: There is no way to 192\.0\.2\.1 from here.*\n  hint: ", "it is told with its reason")
    tap.same(told.read_text(), "work cannot-fetch\n", "`notify` is run once")
    result = at(ada, 0, tty=True)
    tap.ok(result.status == 75 and "There is no way to" in result.err, "at a terminal it is told at once", result)


def refused(ada):
    ada.account(fetch={"host": "127.0.0.1", "port": 9, "tls": "off", "auth": "none"})
    result = ada.run("tappal-fetch", "--json")
    event = json.loads(result.out)
    tap.same((result.status, event["event"], event["account"], event["kind"]), (69, "error", "work", "network"), "a server that refuses is told at once, as JSON")
    tap.matches(event["error"], "refused the connection", "in a sentence")


def main():
    with fetching.Alone() as house:
        offline(house.person())
        refused(house.person())
    tap.done()


main()
