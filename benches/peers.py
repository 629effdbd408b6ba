#!/usr/bin/env python3
"""Measures Girih beside other products, by the driver `run.py` of a folder that measures those already.

usage: peers.py FOLDER OUT.jsonl SECS ROUNDS QUIET_WAIT_S peer[,peer...] [ops]
  FOLDER   a copy of that folder, set up by its setup.sh (for redis alone, bin/kvbench is enough)
  BIN      (environment) folder with the release builds of grid and grid-bench; default ../target/release
  NODES    (environment) how many members each product has, with one backup if several; default 1

The driver is not changed: its text is read, `girih` (gRPC) and `girih-embedded` (a member without entries) are added to
its tables of servers and clients, and the result is run in that folder. A driver that has become another one is refused,
with the place that was not found.
"""
import os
import sys

GRPC_PORT, MEMBER_PORT = 24180, 24190
OPS = ("get", "mix", "put", "putall", "getall")


def additions(binaries, nodes):
    """(what stands in the driver, what stands there afterwards), each exactly once."""
    # The driver starts the members one after the other, so the first one founds the cluster alone.
    first = f"{binaries}/grid serve --name m1 --grpc 127.0.0.1:{GRPC_PORT} --http 127.0.0.1:0"
    first += f" --listen 127.0.0.1:{MEMBER_PORT}"
    more = f"{binaries}/grid serve --http 127.0.0.1:0 --join 127.0.0.1:{MEMBER_PORT}"
    more = f"f'{more} --name m{{i+1}} --grpc 127.0.0.1:{{{GRPC_PORT}+i}} --listen 127.0.0.1:{{{MEMBER_PORT}+i}}'"
    server = f"({first!r} if i==0 else {more})"
    client = f"{binaries}/grid-bench peer --interactive --address 127.0.0.1:{GRPC_PORT} --label girih/{nodes}"
    embedded = f"{binaries}/grid-bench peer --interactive --join 127.0.0.1:{MEMBER_PORT} --label girih-embedded/{nodes}"
    return [
        ("n = nodes if kind in ('coh','hz','ig') else 1", "n = nodes if kind in ('coh','hz','ig','girih') else 1"),
        ("cmd={'coh':f'java", f"cmd={{'girih':{server},'coh':f'java"),
        ("cmd={'coh-tcmp':'java", f"cmd={{'girih':{client!r}+f' --pids {{pids}}',"
                                   f"'girih-embedded':{embedded!r}+f' --pids {{pids}}','coh-tcmp':'java"),
        ("if kind in ('coh','hz','ig'): wait_ready(log,p)", "if kind in ('coh','hz','ig','girih'): wait_ready(log,p)"),
        ("time.time() if kind in('coh','hz','ig') else t1", "time.time() if kind in('coh','hz','ig','girih') else t1"),
        ("if 'READY' in open(log).read(): return", "if 'READY' in open(log).read().upper(): return"),
        ("def does(p,op): return not (", f"def does(p,op): return (p.split('-')[0]!='girih' or op in {OPS!r}) and not ("),
    ]


def driver_with_girih(text, binaries, nodes):
    for old, new in additions(binaries, nodes):
        if text.count(old) != 1:
            raise SystemExit(f"run.py is not the driver that this script knows: {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    return text


def main():
    if len(sys.argv) not in (7, 8):
        raise SystemExit(__doc__)
    folder, out, secs, rounds, quiet, peers, *ops = sys.argv[1:]
    here = os.path.dirname(os.path.abspath(__file__))
    binaries = os.path.abspath(os.environ.get("BIN", os.path.join(here, "..", "target", "release")))
    for name in ("grid", "grid-bench"):
        if not os.access(os.path.join(binaries, name), os.X_OK):
            raise SystemExit(f"no {name} in {binaries}; build it (cargo build --release) or set BIN")
    path = os.path.join(os.path.abspath(folder), "run.py")
    with open(path, encoding="utf-8") as file:
        nodes = os.environ.get("NODES", "1")
        text = driver_with_girih(file.read(), binaries, nodes)
    sys.argv = [path, os.path.abspath(out), nodes, secs, rounds, quiet, peers, *ops]
    exec(compile(text, path, "exec"), {"__file__": path, "__name__": "__main__"})


if __name__ == "__main__":
    main()
