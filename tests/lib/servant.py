"""servant - a second client of the site's IMAP server, and a server that offers less than it could: what flags and
deletions are tested with."""
import contextlib
import re
import socket
import threading

import between


class Other:
    """Another program of the same person, with the INBOX open."""

    def __init__(self, house, folder="INBOX"):
        self.imap = house.imap()
        self.imap.select(folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.imap.logout()

    def flag(self, uids, how, flags):
        self.imap.uid("STORE", uids, how + "FLAGS.SILENT", f"({flags})")

    def expunge(self, uids):
        self.flag(uids, "+", "\\Deleted")
        self.imap.uid("EXPUNGE", uids)

    def flags(self):
        """{uid: set of flags}, without \\Recent."""
        lines = self.imap.uid("FETCH", "1:*", "(FLAGS)")[1]
        found = [re.search(rb"UID (\d+) .*FLAGS \((.*?)\)|FLAGS \((.*?)\).*UID (\d+)", line) for line in lines if line]
        return {int(m[1] or m[4]): set((m[2] or m[3] or b"").decode().split()) - {"\\Recent"} for m in found if m}


class Less(between.Forwarder):
    """The site's IMAP, without some of its capabilities: "CONDSTORE", "QRESYNC". cut: so many octets of a connection reach the
    client, then it ends; was_cut says whether one did."""

    def __init__(self, port, *without):
        super().__init__(port)
        self.without, self.said = without, []
        self.cut, self.was_cut = None, False

    def handle(self, client):
        server = socket.create_connection(("127.0.0.1", self.target))
        threading.Thread(target=self.speak, args=(server, client), daemon=True).start()
        try:
            with client.makefile("rb") as lines:
                for line in lines:
                    self.said.append(line.decode(errors="replace").strip())
                    server.sendall(line)
        except OSError:
            pass
        between.copy(client, server)

    def speak(self, server, client):
        """Lines that tell capabilities are changed; a literal cannot hold one, for we say so."""
        left = self.cut
        with server.makefile("rb") as lines:
            for line in lines:
                if b"CAPABILITY" in line:
                    for word in self.without:
                        line = line.replace(b" " + word.encode(), b"")
                try:
                    client.sendall(line[:left])
                except OSError:
                    return
                if left is not None and (left := left - len(line)) <= 0:
                    self.was_cut = True
                    break
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        client.close()
