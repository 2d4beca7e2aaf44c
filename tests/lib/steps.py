"""steps - faults at durable steps (TAPPAL_TEST_STEP, doc/INTERNALS 10), and how a journal is read without tappal."""

FAULTS = ["stop:%d", "short:%d", "fail:%d:EIO", "fail:%d:ENOSPC", "fail:%d:EDQUOT"]


def records(path):
    """The whole records of a journal, without their sums; a torn one does not count."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [line.split(" ", 1)[1].rstrip("\n") for line in lines if line.endswith("\n")]


def is_doubtful(path, recipients):
    """Did the end of the data go out, with no answer written down, and is one of so many recipients left?"""
    doubt, settled = False, set()
    for record in records(path):
        words = record.split()
        doubt = words[0] == "doubt" or doubt and words[0] != "answered"
        if words[0] == "recipient" and words[2] != "later":
            settled.add(words[1])
    return doubt and len(settled) < recipients


def can_happen(fault, step):
    """Half a write takes a write; a full disk, something that takes room."""
    if fault.startswith("short"):
        return step == "write"
    if fault.endswith("EDQUOT"):
        return step in ("write", "reserve")
    return not fault.endswith("ENOSPC") or step != "unlink"
