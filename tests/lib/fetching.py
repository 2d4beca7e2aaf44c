"""fetching - tappal-fetch against a scripted server: run_case() plays one conversation and looks at what came of it."""
import pathlib
import re
import shutil
import tempfile

import lab
import peer
import tap


class Alone:
    """Stands where a Lab would, without a site: a folder, and words for the account's file."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fetching-"))
        self.site = {"USER": "ada@example.test", "PASSWORD": "correct horse", "CA": None, "SUBMISSIONS_PORT": "1", "IMAPS_PORT": "1"}
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def person(self):
        self.count += 1
        return lab.Person(self, f"p{self.count}")


def follow(ada, port):
    """What is remembered of a server is believed of the next one, which listens elsewhere."""
    for memory in ada.state.glob("fetch/*/server"):
        memory.write_text(re.sub(r"@localhost:\d+\n", f"@localhost:{port}\n", memory.read_text()))


def play(ada, script, protocol, args=(), limit=20, tls=False, same_server=False, **options):
    """One run against one scripted server."""
    with peer.Peer(script, tls=tls == "implicit", limit=limit) as server:
        settings = {"protocol": protocol, "host": "localhost", "port": server.port, "tls": tls or "off", "tls_ca": server.ca, "auth": "plain",
                    "timeout": 3, **options}
        ada.account(fetch=settings)
        if same_server:
            follow(ada, server.port)
        result = ada.run("tappal-fetch", *args, limit=limit)
        server.deadline = min(server.deadline, __import__("time").monotonic() + 1)
    return result, server


def run_case(ada, name, script, protocol, status=0, mail=(), err=r"", whole=True, **options):
    """whole: the conversation must go exactly as the script says, to its end."""
    result, server = play(ada, script, protocol, **options)
    tap.same(result.status, status, f"{name}: exit status") or print("#", result, "\n# " + "\n# ".join(server.transcript))
    tap.same(sorted(ada.fetched()), sorted(mail), f"{name}: the messages")
    tap.matches(result.err, err, f"{name}: what is said")
    if whole:
        tap.ok(server.good, f"{name}: the conversation", *server.transcript)
    if status == 0:
        tap.ok(not result.err or err, f"{name}: nothing else is said", result.err)
    tap.ok(not any(ord(c) < 32 and c != "\n" for c in result.err), f"{name}: no control characters", result.err)
    tap.ok(not [p for p in ada.half_written() if p.parent.parent == ada.maildir], f"{name}: nothing half-written")
    return result
