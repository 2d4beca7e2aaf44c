#!/usr/bin/python3
"""fetch_sync_walk - flags and deletions both ways, stopped (or failing) at the n-th durable step, for every n and each
engine, against a real server: no other message is ever lost on either side, and the next run ends where one that was
not stopped would.

run: limit=600
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import servant  # noqa: E402
import tap      # noqa: E402
from letters import numbered  # noqa: E402

ENGINES = {"QRESYNC": (), "CONDSTORE": ("QRESYNC",), "plain": ("QRESYNC", "CONDSTORE")}
STEPS_MAX = 200
COUNT = 6


class Walk:
    def __init__(self, house, server):
        self.house, self.ada = house, house.person(f"walk{len(house.people)}")
        self.ada.account(fetch={"port": server.port, "tls": "off", "tls_ca": None, "auth": "plain", "flags": "both", "deletions": "both"})

    def files(self):
        return {int(p.name.split("-")[2]) - self.first: p for p in self.ada.maildir.glob("**/*.tappal*")}

    def here(self):
        return {i: p.name.partition(":2,")[2] for i, p in self.files().items()}

    def there(self):
        with servant.Other(self.house) as other:
            return {uid - self.first: " ".join(sorted(flags)) for uid, flags in other.flags().items()}

    def prepare(self):
        """Fetched, and then: 0 read there, 1 deleted there, 2 read here, 3 deleted here, 4 flagged on both sides."""
        self.ada.begin_anew(*map(numbered, range(COUNT)))
        self.ada.run("tappal-fetch", limit=30)
        with servant.Other(self.house) as other:
            self.first = min(other.flags())
            other.flag(str(self.first), "+", "\\Seen")
            other.expunge(str(self.first + 1))
            other.flag(str(self.first + 4), "+", "\\Flagged")
        files = self.files()
        for i, letters in ((2, "S"), (4, "R")):
            files[i].rename(self.ada.maildir / "cur" / f"{files[i].name}:2,{letters}")
        files[3].unlink()

    def walk(self, what, verb, suffix="", stride=1):
        wrong, n = [], 1
        here = {0: "S", 2: "S", 4: "FR", 5: ""}
        there = {0: "\\Seen", 2: "\\Seen", 4: "\\Answered \\Flagged", 5: ""}
        while n < STEPS_MAX:
            self.prepare()
            stopped = self.ada.run("tappal-fetch", TAPPAL_TEST_STEP=f"{verb}:{n}{suffix}:tappal-fetch", limit=30)
            if not {0, 2, 4, 5} <= set(self.here()) or not {0, 2, 4, 5} <= set(self.there()):
                wrong.append(f"step {n}: here {self.here()}, there {self.there()}")
            again = self.ada.run("tappal-fetch", limit=30)
            if (again.status, self.here(), self.there()) != (0, here, there):
                wrong.append(f"step {n}: after the next run: here {self.here()}, there {self.there()}; {again}")
            if stopped.status == 0 and not stopped.err:
                break
            n += stride
        tap.ok(not wrong and 8 < n < STEPS_MAX, f"{what}: {n - 1} steps", *wrong[:5])


def main():
    with lab.Lab() as house:
        for engine, without in ENGINES.items():
            with servant.Less(house.port("IMAP"), *without) as server:
                walk = Walk(house, server)
                walk.walk(f"{engine}, stopped", "stop")
                walk.walk(f"{engine}, writes torn", "short", stride=3)
                walk.walk(f"{engine}, input/output error", "fail", ":EIO", stride=3)
    tap.done()


main()
