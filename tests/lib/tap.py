"""tap - TAP for tests written in Python: ok(), same(), matches(), skip(), then done()."""
import re
import sys

count = failed = 0


def ok(good, what, *why):
    """One test; `why` is shown when it failed."""
    global count, failed
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {what}", flush=True)
    if not good:
        failed += 1
        for thing in why:
            for line in str(thing).splitlines() or ["(nothing)"]:
                print(f"#   {line}", flush=True)
    return bool(good)


def same(got, expected, what):
    if isinstance(got, bytes) and isinstance(expected, bytes) and max(len(got), len(expected)) > 2000:
        at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
        return ok(got == expected, what, f"lengths {len(got)} and {len(expected)}, first difference at {at}",
                  f"got      {got[max(0, at - 40):at + 80]!r}", f"expected {expected[max(0, at - 40):at + 80]!r}")
    return ok(got == expected, what, f"got      {got!r}", f"expected {expected!r}")


def matches(text, pattern, what):
    return ok(re.search(pattern, text, re.S), what, f"{text!r}", f"does not match {pattern!r}")


def skip(what, reason):
    global count
    count += 1
    print(f"ok {count} - {what} # SKIP {reason}", flush=True)


def done():
    print(f"1..{count}")
    sys.exit(failed != 0)
