"""letters - messages to ada: as they are on a server, and as they are here."""


def letter(subject, size=0):
    """With so many octets more."""
    return f"From: grace@example.test\r\nTo: ada@example.test\r\nSubject: {subject}\r\n\r\nabout {subject}\r\n".encode() + b"0123456789abcdef\r\n" * (size // 18)


def numbered(i):
    return letter(f"number {i}")


def growing(count):
    """Each is forty lines longer than the one before it."""
    for i in range(count):
        body = b"".join(b"line %d of letter %d\r\n" % (k, i) for k in range(i * 40 + 1))
        yield b"From: grace@example.test\r\nTo: ada@example.test\r\nSubject: letter %d\r\nMessage-ID: <%d@example.test>\r\n\r\n.\r\n" % (i, i) + body


def here(text):
    """In a maildir of ours lines end in LF."""
    return text.replace(b"\r\n", b"\n")
