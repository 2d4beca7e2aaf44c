#!/usr/bin/python3
"""relay - the SMTP server behind the site's Dovecot submission service.

Usage: relay.py PORT MAILROOT. Each message is stored byte for byte as it came, one copy per
recipient, in MAILROOT/RECIPIENT/Maildir/new. Some local parts make it answer as real servers do
on bad days:
    unknown*   550 5.1.1 at RCPT        later*    450 4.2.0 at RCPT
    full*      552 5.2.2 at RCPT        many*     452 4.5.3 at RCPT
    badsender* 553 5.1.8 at MAIL        spam*     554 5.7.1 after the data
    tempdata*  451 4.3.0 after the data closing* 421 4.3.2 at RCPT
"""
import itertools
import os
import socket
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

AT_RCPT = {
    "unknown": "550 5.1.1 No such user here",
    "later": "450 4.2.0 Greylisted, try again later",
    "full": "552 5.2.2 Mailbox full",
    "many": "452 4.5.3 Too many recipients",
    "closing": "421 4.3.2 Service shutting down",
}
AFTER_DATA = {
    "spam": "554 5.7.1 Message looks like spam",
    "tempdata": "451 4.3.0 Queue file write error",
}


def verdict(table, address):
    return next((reply for word, reply in table.items() if address.startswith(word)), None)


class Store:
    """The handler: keeps original_content unchanged (the stock Mailbox handler rewrites it)."""

    def __init__(self, root):
        self.root = root
        self.count = itertools.count()

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("badsender"):
            return "553 5.1.8 Sender address rejected"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = verdict(AT_RCPT, address)
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(self, server, session, envelope):
        for address in envelope.rcpt_tos:
            reply = verdict(AFTER_DATA, address)
            if reply:
                return reply
        for address in envelope.rcpt_tos:
            self.keep(address, envelope)
        return "250 2.0.0 Stored"

    def keep(self, address, envelope):
        folder = os.path.join(self.root, address.replace("/", "_"), "Maildir")
        for sub in ("tmp", "new", "cur"):
            os.makedirs(os.path.join(folder, sub), exist_ok=True)
        name = f"{time.time():.6f}.{os.getpid()}_{next(self.count)}.site"
        with open(os.path.join(folder, "tmp", name), "wb") as f:
            f.write(envelope.original_content)
        os.rename(os.path.join(folder, "tmp", name), os.path.join(folder, "new", name))
        with open(os.path.join(self.root, "envelopes"), "a", encoding="utf-8") as f:
            f.write(f"{name}\t{envelope.mail_from}\t{address}\t{' '.join(envelope.mail_options)}\n")


class Relay(Controller):
    def factory(self):
        SMTP.line_length_limit = 1 << 20
        return SMTP(self.handler, data_size_limit=None, enable_SMTPUTF8=True, hostname="relay.example.test",
                    ident="relay of the tappal site")


def main():
    port, root = int(sys.argv[1]), sys.argv[2]
    os.umask(0o022)
    relay = Relay(Store(root), hostname="127.0.0.1", port=port)
    relay.start()
    socket.setdefaulttimeout(None)
    while True:
        time.sleep(3600)


main()
