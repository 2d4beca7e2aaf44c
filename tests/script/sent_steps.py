#!/usr/bin/python3
"""sent_steps - the deliverer is stopped, and made to fail, at every durable step of a delivery and its copy: in the end
there is one copy of each message, and each was sent once, but out of doubt.

run: limit=300
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from sent_desk import Desk, bodies, letter
from small_servers import Keeper, Taker
from tap import done, ok


def walk(sent, fault):
    """The fault at step 1, 2, ... of the deliverer until there is no such step. What went wrong, and the number of steps."""
    wrong, n = [], 0
    while True:
        n += 1
        with Desk() as home, Taker() as taker, Keeper(("LITERAL+",)) as keeper:
            home.set_up(sent.replace("HOME", str(home.dir)), taker.port, keeper.port)
            for i in range(2):
                home.put(message=letter(i))
            steps = home.dir / "steps"
            home.env.update({"TAPPAL_TEST_STEP": f"{fault % n}:tappal-deliver", "TAPPAL_TEST_STEP_LOG": str(steps)})
            home.deliver()
            count = len(steps.read_text().splitlines()) if steps.exists() else 0
            del home.env["TAPPAL_TEST_STEP"], home.env["TAPPAL_TEST_STEP_LOG"]
            doubtful = any(record.startswith("doubt") for i in home.ids() for record in home.journal(i))
            for _ in range(3):
                if home.ids():
                    home.later(4000)
                    home.deliver()
            copies = [text for _, text in home.copies()] or [text for _, _, text in keeper.messages]
            if bodies(copies) != bodies(letter(i) for i in range(2)):
                wrong.append(f"{fault % n}: copies {bodies(copies)}")
            if len(taker.messages) != 2 and not (doubtful and len(taker.messages) <= 4):
                wrong.append(f"{fault % n}: sent {len(taker.messages)} times")
            if home.ids() or home.ids("failed") or home.ids("aside"):
                wrong.append(f"{fault % n}: left {home.ids()} {home.ids('failed')} {home.ids('aside')}")
            if count < n:
                return wrong, n - 1


def test_every_step():
    for sent in ("maildir HOME/Sent", "imap"):
        for fault in ("stop:%d", "fail:%d:EIO", "fail:%d:ENOSPC"):
            wrong, steps = walk(sent, fault)
            ok(not wrong and steps > 10, f"{sent}, {fault % 0} at each of {steps} steps: one copy, delivered once but out of doubt", *wrong)


test_every_step()
done()
