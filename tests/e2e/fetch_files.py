#!/usr/bin/python3
"""fetch_files - a process that may have few files open (ulimit -n) fetches all the same, in smaller batches: by IMAP and by
POP3, into a maildir and to a command.

run: limit=120
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab  # noqa: E402
import tap  # noqa: E402

COUNT = 300  # more than a batch has


def letter(i):
    return f"From: grace@example.test\r\nSubject: number {i}\r\n\r\nHello {i}\r\n".encode()


def here(i):
    return letter(i).replace(b"\r\n", b"\n")


def main():
    with lab.Lab() as house:
        house.put(*map(letter, range(COUNT)))
        for protocol, port in (("imap", "IMAPS_PORT"), ("pop3", "POP3S_PORT")):
            for limit in ("64:64", "32:32", "100:4096"):
                ada = house.person(f"{protocol}-{limit.replace(':', '-')}")
                ada.account(fetch={"protocol": protocol, "port": house.site[port]})
                result = ada.run("tappal-fetch", under=("prlimit", f"--nofile={limit}"))
                what = f"{protocol}, {limit} files"
                tap.ok(result.status == 0 and not result.err, what, result)
                tap.same(sorted(ada.fetched()), sorted(map(here, range(COUNT))), f"{what}: each message once")
                tap.same(ada.run("tappal-fetch").out, "work: no new messages\n", f"{what}: and not again")
        ada = house.person("given")
        script = ada.home / "take"
        script.write_text(f"#!/bin/sh\ncat >>{ada.home}/all; echo >>{ada.home}/count\n")
        script.chmod(0o700)
        ada.account(fetch={"maildir": None, "deliver": f"command {script}"})
        result = ada.run("tappal-fetch", under=("prlimit", "--nofile=64:64"))
        tap.ok(result.status == 0 and not result.err, "handed over, 64 files", result)
        tap.same(len((ada.home / "count").read_text()), COUNT, "handed over: each message once")
    tap.done()


main()
