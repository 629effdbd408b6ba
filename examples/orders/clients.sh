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
build=$(cd "$here/../.." && pwd)/build/orders-clients
if [ $# -lt 1 ]; then
  echo "usage: $0 ADDRESS [python|javascript|go|java|rust]..." >&2
  exit 2
fi
export GRID_ADDRESS=$1 ORDERS_EXAMPLE=$here
shift
[ $# -gt 0 ] || set -- python javascript go java rust
mkdir -p "$build"

need() {
  local tool
  for tool in "$@"; do
    if ! command -v "$tool" >/dev/null; then
      echo "$language: $tool is not installed; install it, or name only the other languages" >&2
      return 1
    fi
  done
}

# True when the installation that the stamp stands for was made from these very files.
installed() {
  local stamp=$1
  shift
  [ -f "$stamp" ] && [ "$(cat "$@" | cksum)" = "$(cat "$stamp")" ]
}

install_python() {
  need python3 || return 1
  local from=$here/python/requirements.txt stamp=$build/python/.installed
  installed "$stamp" "$from" && return 0
  python3 -m venv --clear "$build/python" && "$build/python/bin/pip" install --quiet -r "$from" || return 1
  cksum <"$from" >"$stamp"
}

run_python() {
  local program=$1
  shift
  "$build/python/bin/python" "$here/python/$program.py" "$@"
}

install_javascript() {
  need node npm || return 1
  local lock=$here/javascript/package-lock.json stamp=$build/javascript/.installed
  mkdir -p "$build/javascript"
  # The programs run from the copy, beside the modules, so that nothing is written into the sources.
  cp "$here"/javascript/*.js "$here"/javascript/package*.json "$build/javascript/"
  installed "$stamp" "$lock" && return 0
  (cd "$build/javascript" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return 1
  cksum <"$lock" >"$stamp"
}

run_javascript() {
  local program=$1
  shift
  node "$build/javascript/$program.js" "$@"
}

install_go() {
  need go || return 1
  mkdir -p "$build/go"
  # Go has a cache of its own: this is quick when nothing changed.
  (cd "$here/go" && go build -o "$build/go/" ./...)
}

run_go() {
  local program=$1
  shift
  "$build/go/$program" "$@"
}

install_java() {
  need java javac mvn || return 1
  local stamp=$build/java/.installed
  mapfile -t sources < <(find "$here/java" -name '*.java' -o -name '*.xml' | sort)
  installed "$stamp" "${sources[@]}" && return 0
  mvn -q -B -f "$here/java/pom.xml" -Dorders.build="$build/java" compile || return 1
  cat "${sources[@]}" | cksum >"$stamp"
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
