#!/usr/bin/env python3
"""messages.py PRODROME MESSAGES.jsonl [TITLE]: how well `prodrome why` names the causes of labelled texts.

Prints a section in Markdown: accuracy, what was taken for what (the confusion matrix without its diagonal of right
answers), and how far the stated confidence can be trusted. Redirect it to tests/report/messages.md.
Each line of the file has "kind", "reason", "text", "cause", and "owner" where it is known."""
import collections
import json
import subprocess
import sys


def answers(exe, rows):
    """The command's answer to each row."""
    lines = "".join(
        json.dumps({"id": str(n), "kind": row["kind"], "reason": row.get("reason"), "text": row["text"]}) + "\n"
        for n, row in enumerate(rows)
    )
    ran = subprocess.run([exe, "why", "--output", "json"], input=lines, capture_output=True, text=True, timeout=300)
    if ran.returncode != 0:
        sys.exit(f"{exe} why: exit {ran.returncode}: {ran.stderr[-300:]}")
    by_id = {answer["id"]: answer for answer in map(json.loads, ran.stdout.splitlines())}
    return [by_id[str(n)] for n in range(len(rows))]


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "–"


def section(title, rows, told):
    """The section's lines."""
    pairs = [(row["cause"], answer["cause"], answer["confidence"], row, answer) for row, answer in zip(rows, told)]
    right = [pair for pair in pairs if pair[0] == pair[1]]
    unknown = [pair for pair in pairs if pair[1] == "unknown" and pair[0] != "unknown"]
    wrong = [pair for pair in pairs if pair[0] != pair[1] and pair[1] != "unknown"]
    sure = [pair for pair in wrong if pair[2] >= 0.8]
    owned = [pair for pair in pairs if "owner" in pair[3]]
    yield f"## {title}"
    yield ""
    yield "| texts | causes | right | unknown | wrong | wrong at 0.8 or more | right owner |"
    yield "|---|---|---|---|---|---|---|"
    owner = percent(sum(pair[3]["owner"] == pair[4].get("owner") for pair in owned), len(owned))
    causes = len({pair[0] for pair in pairs})
    yield f"| {len(pairs)} | {causes} | {percent(len(right), len(pairs))} | {len(unknown)} | {len(wrong)} | {len(sure)} | {owner} |"
    yield ""
    yield "What was not told right (every other text of every cause lies on the diagonal):"
    yield ""
    yield "| is | was taken for | texts | highest confidence |"
    yield "|---|---|---|---|"
    confused = collections.defaultdict(list)
    for is_, was, confidence, _, _ in pairs:
        if is_ != was:
            confused[is_, was].append(confidence)
    for (is_, was), confidences in sorted(confused.items(), key=lambda item: (-len(item[1]), item[0])):
        yield f"| {is_} | {was} | {len(confidences)} | {max(confidences):.2f} |"
    if not confused:
        yield "| – | – | 0 | – |"
    yield ""
    yield "How far a stated confidence can be trusted:"
    yield ""
    yield "| stated | texts | right |"
    yield "|---|---|---|"
    for low, high in [(0.9, 1.01), (0.8, 0.9), (0.7, 0.8), (0.01, 0.7)]:
        inside = [pair for pair in pairs if low <= pair[2] < high]
        share = percent(sum(pair[0] == pair[1] for pair in inside), len(inside))
        yield f"| {low:.2f} to {min(high, 1.0):.2f} | {len(inside)} | {share} |"
    yield ""


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    exe, path = sys.argv[1:3]
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    title = sys.argv[3] if len(sys.argv) == 4 else "Causes of texts (`prodrome why`)"
    print("\n".join(section(title, rows, answers(exe, rows))))


main()
