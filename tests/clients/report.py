"""Makes one table of the results of all programs, and says what failed.

usage: report.py FOLDER grid|reference

FOLDER has CLIENT-PROTOCOL.jsonl, a line for each check, and CLIENT-PROTOCOL.out, whose last line has the counts; it gets
table.md. What known.tsv has of this server is no failure. The exit status is 1 when anything else failed, or a program
did not come to its end.
"""

import json
import re
import sys
from pathlib import Path

COLUMNS = {
    "python-v1": "Python v1", "python-v0": "Python v0", "javascript-v0": "JavaScript v0", "go-v1": "Go v1", "go-v0": "Go v0",
    "java-v1": "Java v1", "java-v0": "Java v0",
}


def known_differences(server: str) -> dict:
    """Why a check fails on this server, by (program, check); a program `java` stands for both of its protocols."""
    known = {}
    for line in (Path(__file__).parent / "known.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            where, program, check, why = line.split("\t")
            if where == server:
                known[program, check] = why
    return known


def read(folder: Path, program: str):
    """The results of a program by check, and whether it came to its end; None when it was not run."""
    lines, output = folder / f"{program}.jsonl", folder / f"{program}.out"
    if not output.exists():
        return None
    results = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()] if lines.exists() else []
    ended = re.search(r"^\d+ passed, \d+ failed\s*\Z", output.read_text(encoding="utf-8"), re.MULTILINE) is not None
    return {result["check"]: result for result in results}, ended


def order(check: str):
    area = check.split(".")[0]
    areas = ["map", "async", "filter", "extractor", "comparator", "processor", "aggregator", "listener", "near", "session"]
    return areas.index(area) if area in areas else len(areas), check


def main(folder: Path, server: str) -> int:
    known = known_differences(server)
    columns, failures, notes = {}, [], []
    for program in COLUMNS:
        found = read(folder, program)
        if found is None:
            continue
        results, ended = found
        columns[program] = results
        if not ended:
            failures.append(f"FAIL {program}: did not come to its end")
        counts = {"passed": 0, "failed": 0, "known": 0}
        for check, result in results.items():
            why = known.get((program, check)) or known.get((program.split("-")[0], check))
            result["mark"] = "passes" if result["ok"] else "known" if why else "FAILS"
            counts["passed" if result["ok"] else "known" if why else "failed"] += 1
            if why and not result["ok"] and (check, why) not in notes:
                notes.append((check, why))
            if result["mark"] == "FAILS":
                failures.append(f"FAIL {program} {check}: expected {result['expected']}, got {result['got']}"[:600])
        print(f"{COLUMNS[program]}: {counts['passed']} passed, {counts['failed']} failed, {counts['known']} known to differ")
    checks = sorted({check for results in columns.values() for check in results}, key=order)
    with open(folder / "table.md", "w", encoding="utf-8") as table:
        print("| method | " + " | ".join(COLUMNS[program] for program in columns) + " |", file=table)
        print("|---" * (len(columns) + 1) + "|", file=table)
        for check in checks:
            marks = [results[check]["mark"] if check in results else "" for results in columns.values()]
            print(f"| `{check}` | " + " | ".join(marks) + " |", file=table)
        if notes:
            print("\nKnown to differ:\n", file=table)
            for check, why in sorted(notes):
                print(f"- `{check}`: {why}.", file=table)
    for failure in failures:
        print(failure)
    print(f"the table is {folder / 'table.md'}")
    return 1 if failures or not columns else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
