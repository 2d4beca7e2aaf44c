#!/usr/bin/python3
"""tappal auth: a password command and a keyring that never answer are ended in time, with what they started."""
# run: limit=150 long
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402
from lab import Lab  # noqa: E402


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def main():
    with Lab() as lab:
        ada = lab.person("ada")
        libexec = ada.home / "libexec"
        libexec.mkdir()
        script(libexec / "tappal-keyring", "sleep 1000\n")
        ada.account(password_from="keyring", send={"auth": "none"})
        hung = ada.run("tappal", "auth", "status", limit=40, TAPPAL_LIBEXEC=str(libexec))
        tap.ok(hung.status == 75 and "keyring: failed" in hung.out, "a keyring that does not answer has failed", hung)
        script(libexec / "tappal-keyring", "echo nonsense\n")
        odd = ada.run("tappal", "auth", "status", TAPPAL_LIBEXEC=str(libexec))
        tap.ok(odd.status == 75 and "not understood" in odd.out, "so has one that talks nonsense", odd)
        script(libexec / "tappal-keyring", "echo found; head -c 200000 /dev/zero\n")
        big = ada.run("tappal", "auth", "status", TAPPAL_LIBEXEC=str(libexec))
        tap.ok(big.status == 75 and "keyring: failed" in big.out, "and one that says too much", big)

        script(libexec / "slow", "trap '' TERM\nsleep 1000 &\nwait\nsleep 1000\n")
        ada.account(password_from=f"command {libexec}/slow", send={"auth": "none"})
        slow = ada.run("tappal", "auth", "status", limit=100)
        tap.ok(slow.status == 75 and "command: failed" in slow.out, "a command that does not end has failed", slow)
        tap.same([p for p in ada.processes()], [], "and nothing of it is left")
    tap.done()


main()
