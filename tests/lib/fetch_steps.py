"""fetch_steps - tappal-fetch with keep = no, stopped (or failing) at its n-th durable step, for every n: at no moment is
a message neither on the server nor in the maildir; after the next run each is in the maildir exactly once, byte for byte,
and none is left on the server or half-written. Meanwhile a reader takes some over, and throws one away.
"""
import tap
from letters import here

STEPS_MAX = 400


def read_mail(ada, n):
    """What a mail reader does meanwhile: it takes new messages over to cur/, and throws the first one away."""
    taken = []
    for i, path in enumerate(sorted((ada.maildir / "new").glob("*")) if n % 3 == 1 else []):
        if i == 0 and n % 2:
            taken.append(path.read_bytes())
            path.unlink()
        else:
            path.rename(ada.maildir / "cur" / f"{path.name}:2,S")
    return taken


def steps_taken(log):
    """How many durable steps the fetcher came to, the failing one included."""
    return len(log.read_text().splitlines()) if log.exists() else 0


def walk(house, ada, what, sent, verb, suffix="", stride=1):
    """Runs until a run gets through; says for how many steps everything was as it should be."""
    wrong, n = [], 1
    expected = sorted(map(here, sent))
    while n < STEPS_MAX:
        ada.begin_anew(*sent)
        log = ada.home / "steps"
        log.unlink(missing_ok=True)
        ada.run("tappal-fetch", TAPPAL_TEST_STEP=f"{verb}:{n}{suffix}:tappal-fetch", TAPPAL_TEST_STEP_LOG=str(log), limit=30)
        kept = ada.fetched() + [here(text) for text in house.received()]
        lost = [text for text in expected if text not in kept]
        taken = read_mail(ada, n)
        again = ada.run("tappal-fetch", limit=30)
        mail = sorted(ada.fetched() + taken)
        if lost:
            wrong.append(f"step {n}: {len(lost)} messages are nowhere")
        if again.status != 0 or mail != expected:
            wrong.append(f"step {n}: after the next run {len(mail)} messages, not {len(expected)}; {again}")
        if list(ada.state.glob("fetch/*/.*")):
            wrong.append(f"step {n}: left behind: {list(ada.state.glob('fetch/*/.*'))}")
        if house.received() or ada.half_written():
            wrong.append(f"step {n}: {len(house.received())} left on the server, half-written: {ada.half_written()}")
        if steps_taken(log) < n:
            break
        n += stride
    tap.ok(not wrong and n < STEPS_MAX and n > 3 * len(sent), f"{what}: {n - 1} steps", *wrong[:5])
