"""peaks - how large the programs that a person runs grow."""
import pathlib
import threading
import time


class Peaks(threading.Thread):
    """The largest VmHWM (kB) seen of each program of ours that this person runs."""

    def __init__(self, person):
        super().__init__(daemon=True)
        self.person, self.peaks, self.over = person, {}, False

    def look(self):
        for pid in self.person.processes():
            try:
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            if facts["Name"].startswith("tappal") and "VmHWM" in facts:
                name = facts["Name"]
                self.peaks[name] = max(self.peaks.get(name, 0), int(facts["VmHWM"].split()[0]))

    def run(self):
        while not self.over:
            self.look()
            time.sleep(0.01)

    def __enter__(self):
        self.start()
        return self.peaks

    def __exit__(self, *_):
        self.over = True
        self.join()
