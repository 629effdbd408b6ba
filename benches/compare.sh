#!/usr/bin/env bash
# Measures `grid serve`, the bare echo and Coherence CE in turns, with one client, and prints the ratios.
#
# Usage: compare.sh [FILE]      every measurement is written to FILE as JSON (default: compare.json in $WORK)
#   REFERENCE  script that starts and stops Coherence CE (`PORT=... WORK=... reference.sh start|stop`);
#              default ../shared/parity/reference.sh beside the repository; empty: without Coherence CE
#   BIN        folder with grid, grid-bench and grid-echo; default: built here in release
#   WORK       folder for logs; default: a new one under the system's temporary folder, removed at the end
#   PORT       port of Coherence CE (1631); the other two take any that is free
#   WARM_UP    seconds that Coherence CE is warmed up for (20)
#   THREADS    threads of the load tool; default: its own
#   TIME, ROUNDS, CONNECTIONS, MIX, VALUE_SIZE, KEYS   as in `grid-bench compare --help`
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REFERENCE=${REFERENCE-$root/../shared/parity/reference.sh}
PORT=${PORT:-1631} WARM_UP=${WARM_UP:-20} TIME=${TIME:-4} ROUNDS=${ROUNDS:-3}
CONNECTIONS=${CONNECTIONS:-1,32} MIX=${MIX:-get,put} VALUE_SIZE=${VALUE_SIZE:-1024} KEYS=${KEYS:-100000}

if [ -n "$REFERENCE" ] && [ ! -f "$REFERENCE" ]; then
  echo "no script at $REFERENCE; set REFERENCE to one that starts Coherence CE, or to nothing to leave it out" >&2
  exit 2
fi

started=() made=
if [ -z "${WORK:-}" ]; then WORK=$(mktemp -d) made=$WORK; fi
mkdir -p "$WORK"
stop() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  if [ -s "$WORK/$PORT.pid" ]; then WORK=$WORK PORT=$PORT bash "$REFERENCE" stop || true; fi
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [ -n "$made" ]; then rm -rf "$made"; fi
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -z "${BIN:-}" ]; then
  (cd "$root" && cargo build --release --locked -p grid-server -p grid-bench)
  BIN=${CARGO_TARGET_DIR:-$root/target}/release
fi

# start NAME COMMAND...: runs it, waits for its ready line, and sets `pid` and `address`.
start() {
  local name=$1 log=$WORK/$1.log
  shift
  "$@" >"$log" 2>"$WORK/$name.err" </dev/null &
  pid=$!
  started+=("$pid")
  until grep -q '^ready ' "$log"; do
    kill -0 "$pid" 2>/dev/null || { echo "$name did not start:" >&2; tail -5 "$WORK/$name.err" >&2; exit 1; }
    read -rt 0.05 <> <(:) || true
  done
  address=$(sed -n 's/^ready .*grpc=\([^ ]*\).*/\1/p' "$log")
}

targets=()
start girih "$BIN/grid" serve --grpc 127.0.0.1:0 --http 127.0.0.1:0
targets+=(--target "girih=$address,pid=$pid")
start echo "$BIN/grid-echo" --grpc 127.0.0.1:0 --value-size "$VALUE_SIZE"
targets+=(--target "echo=$address,pid=$pid")
if [ -n "$REFERENCE" ]; then
  WORK=$WORK PORT=$PORT bash "$REFERENCE" start >&2
  targets+=(--target "ce=127.0.0.1:$PORT,pid=$(cat "$WORK/$PORT.pid"),warm-up=$WARM_UP")
fi
"$BIN/grid-bench" compare "${targets[@]}" --time "$TIME" --rounds "$ROUNDS" --connections "$CONNECTIONS" --mix "$MIX" \
  --value-size "$VALUE_SIZE" --keys "$KEYS" ${THREADS:+--threads "$THREADS"} --write "${1:-$WORK/compare.json}"
