"""Computes sample.sha256 from sample.yaml without config's code: the reference of TestGolden. python3 sample.py"""
import hashlib, json, pathlib

UNHASHED = {"preset", "data.dir", "train.workers", "train.views", "checkpoint.every_steps", "checkpoint.every_minutes", "checkpoint.keep",
            "threads", "log_level", "quiet", "progress", "out"}
here = pathlib.Path(__file__).parent
stack, text = [], "sslctl configuration 1\n"  # stack: (indent, name); a list element's name is its index
for line in (here / "sample.yaml").read_text().splitlines():
    indent = len(line) - len(line.lstrip())
    body = line.strip()
    while stack and stack[-1][0] >= indent and not (stack[-1][0] == indent and isinstance(stack[-1][1], int) and body.startswith("- ")):
        stack.pop()
    if body.startswith("- "):
        if stack and isinstance(stack[-1][1], int):
            stack[-1] = (indent, stack[-1][1] + 1)
        else:
            stack.append((indent, 0))
        body, indent = body[2:], indent + 2
    name, value = body.split(":", 1)
    name = name.strip('"')
    if not value:
        stack.append((indent, name))
        continue
    key = ".".join(str(n) for _, n in stack) + "." + name
    key = key.lstrip(".")
    if key not in UNHASHED:
        text += f"{key}={json.dumps(value[1:])}\n"
(here / "sample.sha256").write_text(hashlib.sha256(text.encode()).hexdigest() + "\n")
