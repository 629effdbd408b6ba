#!/usr/bin/env bash
# Runs the whole map API of the official Coherence clients against a server, and makes a table of it.
#
# usage: run.sh [--reference] ADDRESS [python|javascript|go|java]...      (all four when none is named)
#
# --reference says that the server is Coherence CE: what is known to differ there is in known.tsv. Prints a line for each
# failure and the counts; the results as JSON lines and the table, table.md, are in build/map-api/grid or
# build/map-api/reference. The exit status is 0 only when everything was run and nothing failed but what is known.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=examples/orders/install.sh
. "$here/../../examples/orders/install.sh"

PROGRAM_SECONDS=60
server=grid
if [ "${1:-}" = --reference ]; then
  server=reference
  shift
fi
if [ $# -lt 1 ]; then
  echo "usage: $0 [--reference] ADDRESS [python|javascript|go|java]..." >&2
  exit 2
fi
address=$1
shift
[ $# -gt 0 ] || set -- python javascript go java
own=$(dirname "$build")/map-api
results=$own/$server
mkdir -p "$results"
rm -f "$results"/*
export MAP_API_DATA=$here PYTHONDONTWRITEBYTECODE=1

# The programs are small: they are built anew each time.
build_python() { :; }

build_javascript() { :; }

build_go() {
  (cd "$here/go" && go build -o "$own/go-program" .)
}

build_java() {
  rm -rf "$own/classes"
  # The client's classes name annotations that are not on the class path, of which javac would warn.
  javac -nowarn -Xlint:-classfile -d "$own/classes" -cp "$(cat "$build/java/classpath.txt")" "$here"/java/mapapi/*.java \
    2>"$own/javac.log" || { cat "$own/javac.log" >&2; return 1; }
}

# Sets the program of a language; all are called with ADDRESS PROTOCOL RESULTS.
program_of() {
  case $1 in
  python) program=("$build/python/bin/python" "$here/python/main.py") ;;
  javascript) program=(env NODE_PATH="$build/javascript/node_modules" node "$here/javascript/main.js") ;;
  go) program=("$own/go-program") ;;
  java) program=(java -cp "$own/classes:$here/java:$(cat "$build/java/classpath.txt")" mapapi.Main) ;;
  esac
}

protocols() {
  case $1 in
  javascript) echo v0 ;;
  *) echo "v1 v0" ;;
  esac
}

run_one() {
  local name=$1-$2
  program_of "$1"
  timeout --kill-after=5 "$PROGRAM_SECONDS" "${program[@]}" "$address" "$2" "$results/$name.jsonl" \
    >"$results/$name.out" 2>"$results/$name.log" || true
  echo "$1 $2: $(tail -n 1 "$results/$name.out")"
}

failed=0
for language in "$@"; do
  case $language in
  python | javascript | go | java) ;;
  *)
    echo "$language: no such language; there are python, javascript, go and java" >&2
    exit 2
    ;;
  esac
  if ! "install_$language" || ! "build_$language"; then
    echo "$language: not installed, not run" >&2
    failed=1
    continue
  fi
  for protocol in $(protocols "$language"); do
    run_one "$language" "$protocol"
  done
done
python3 "$here/report.py" "$results" "$server" || failed=1
exit "$failed"
