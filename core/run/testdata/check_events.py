"""Reads the golden events file, and a folder of a resumed run if one is given, with TensorBoard's own reader (2.21).

Run: python check_events.py > events.txt; python check_events.py RUN/events
"""
import shutil
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()
if len(sys.argv) == 1:
    shutil.copy("events.out.tfevents.golden", folder + "/events.out.tfevents.1.golden")
acc = EventAccumulator(folder)
acc.Reload()
for tag in sorted(acc.Tags()["scalars"]):
    for e in acc.Scalars(tag):
        print(tag, e.step, e.wall_time, e.value)
