#!/usr/bin/python3
"""storm - ten thousand messages come in while runners come and go: whoever leaves looks once more, so none is left with
nobody to wake it. Each arrives once, and nothing is done about it but sending.

run: limit=1800 long
"""
import collections
import pathlib
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap                      # noqa: E402
from deliver_home import Home   # noqa: E402
from taker import Taker         # noqa: E402

ALL = 10000
AT_ONCE = 4
PAUSES = (0, 0.003, 0.02)  # between two messages of a sender: runners find something behind one, or nothing, and leave
LONG = 900
SEND = """i=$1
while [ $i -le $2 ]; do
    printf 'Subject: %s\\n\\nnumber %s\\n' $i $i | tappal-sendmail -odb -f ada@example.org bob@example.org || echo failed $i
    i=$((i + 1))
    [ $3 = 0 ] || sleep $3
done"""


def storm(home, taker, first, last, pause):
    """Senders side by side; then only waiting. What arrived, by number."""
    share = (last - first + 1) // AT_ONCE
    senders = [subprocess.Popen(["sh", "-c", SEND, "sh", str(n), str(n + share - 1), str(pause)], env=home.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
               for n in range(first, last + 1, share)]
    said = b"".join(sender.communicate(timeout=LONG)[0] for sender in senders)
    tap.same(said, b"", f"{last - first + 1} messages, {pause} s between: all are accepted, in silence")
    end = time.monotonic() + LONG
    while home.ids() and time.monotonic() < end:
        time.sleep(0.05)
    return collections.Counter(int(re.search(rb"number (\d+)", text)[1]) for _, text in taker.settle())


def main():
    taker = Taker()
    with Home() as home:
        home.account(taker.port)
        first = 1
        for pause, count in zip(PAUSES, (ALL * 6 // 10, ALL * 3 // 10, ALL // 10)):
            got = storm(home, taker, first, first + count - 1, pause)
            tap.same(home.ids(), [], f"{count} messages, {pause} s between: none is left with nobody to wake it")
            wrong = {n: got[n] for n in range(first, first + count) if got[n] != 1}
            tap.ok(not wrong and len(got) == count, f"{count} messages, {pause} s between: each arrives once", wrong)
            first += count
        tap.same((home.ids("failed"), home.ids("aside"), home.reports()), ([], [], []), "nothing is given up, set aside or reported")
    taker.close()
    tap.done()


main()
