#!/usr/bin/python3
"""sendmail_queue - sendmail -qI, -qR, -qS: what these choose is due at once, the rest when it is due.

run: limit=60
"""
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, Home  # noqa: E402
from tap import done, same  # noqa: E402


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def journal(home, ident, *records):
    """A journal with these records; it is due tomorrow."""
    path = home.queue / "msg" / (ident + ".j")
    path.write_text("".join(f"{crc32c(r.encode()):08x} {r}\n" for r in ("tappal-journal 1", *records)))
    os.utime(path, (time.time() + 86400,) * 2)


def sendmail(home, *args):
    """With a deliverer that does nothing, so that what was made due stays so."""
    program = home.dir / "libexec/tappal-deliver"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return subprocess.run([BUILD / "tappal-sendmail", *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
                          env={**home.environment(), "TAPPAL_LIBEXEC": str(program.parent)})


def main():
    with Home() as home:
        home.account(1)
        bob = home.put("bob@example.test", options=("-f", "from-bob@example.org"))
        eve = home.put("eve@example.test", "more@example.test", options=("-f", "from-eve@example.org"))
        held = home.put("held-bob@example.test", options=("-f", "from-held@example.org"))
        tomorrow = f"next {int(time.time()) + 86400}"
        for what, option, wanted in (("no filter", "-q", []), ("by recipient", "-qRbob@", ["bob"]), ("by second recipient", "-qRmore@", ["eve"]),
                                     ("by sender", "-qSfrom-", ["bob", "eve"]), ("by id", "-qI" + bob, ["bob"]), ("nobody", "-qRnobody", [])):
            journal(home, bob, tomorrow)
            journal(home, eve, tomorrow)
            journal(home, held, tomorrow, "hold by the person")
            run = sendmail(home, option)
            same((run.returncode, run.stdout, run.stderr), (0, b"", b""), f"{option[:3]} {what}: silence")
            same([name for name, ident in (("bob", bob), ("eve", eve), ("held", held)) if home.due_in(ident) <= 0], wanted, f"{option[:3]} {what}: these are due")
    done()


main()
