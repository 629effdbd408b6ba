#!/usr/bin/env bash
# Runs the orders example's lookups and conformance checks with the official Coherence clients, and the lookups with
# the grid's own Rust client, against a server.
#
# usage: clients.sh ADDRESS [python|javascript|go|java|rust]...      (all five when none is named)
#
# Installs what each language needs into build/orders-clients of the repository, once: later runs only check that
# it is there. The exit status is 0 only when every language was run, every check passed, and the lookups of all
# languages printed the same text.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=examples/orders/install.sh
. "$here/install.sh"
if [ $# -lt 1 ]; then
  echo "usage: $0 ADDRESS [python|javascript|go|java|rust]..." >&2
  exit 2
fi
export GRID_ADDRESS=$1 ORDERS_EXAMPLE=$here
shift
[ $# -gt 0 ] || set -- python javascript go java rust

run_python() {
  local program=$1
  shift
  "$build/python/bin/python" "$here/python/$program.py" "$@"
}

run_javascript() {
  local program=$1
  shift
  node "$build/javascript/$program.js" "$@"
}

run_go() {
  local program=$1
  shift
  "$build/go/$program" "$@"
}

run_java() {
  local program=$1
  shift
  java -cp "$build/java/classes:$(cat "$build/java/classpath.txt")" "orders.${program^}" "$@"
}

install_rust() {
  need cargo || return 1
  # Rust's own client of the grid; its conformance suite is run by the tests of its crate.
  rust_program=$(cd "$here" && cargo build --quiet --locked -p orders-lookups --message-format=json |
    sed -n 's/.*"executable":"\([^"]*orders-lookups[^"]*\)".*/\1/p')
  [ -x "$rust_program" ]
}

run_rust() {
  shift
  "$rust_program" "$@"
}

# The ways each language's conformance checks are run in: what they are called with.
modes() {
  case $1 in
  python | go) echo "v1 v0" ;;
  javascript) echo "v0" ;;
  java) echo "json java" ;;
  esac
}

failed=0
first=
for language in "$@"; do
  case $language in
  python | javascript | go | java | rust) ;;
  *)
    echo "$language: no such language; there are python, javascript, go, java and rust" >&2
    exit 2
    ;;
  esac
  if ! "install_$language"; then
    echo "$language: not installed, not run" >&2
    failed=1
    continue
  fi
  echo "== $language lookups"
  if ! "run_$language" lookups 2>"$build/$language.log" >"$build/$language.lookups"; then
    tail -n 5 "$build/$language.log" >&2
    echo "$language: lookups failed; all of its messages are in $build/$language.log" >&2
    failed=1
  elif [ -n "$first" ] && ! cmp -s "$build/$first.lookups" "$build/$language.lookups"; then
    echo "$language: lookups differ from those of $first:" >&2
    diff "$build/$first.lookups" "$build/$language.lookups" >&2 || true
    failed=1
  else
    cat "$build/$language.lookups"
    first=${first:-$language}
  fi
  for mode in $(modes "$language"); do
    echo "== $language conformance $mode"
    if ! "run_$language" conformance "$mode" 2>"$build/$language.log"; then
      tail -n 5 "$build/$language.log" >&2
      failed=1
    fi
  done
done
exit "$failed"
