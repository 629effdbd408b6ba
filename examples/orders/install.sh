#!/usr/bin/env bash
# Functions that install the official Coherence clients into build/orders-clients of the repository, once: later runs
# only check that they are there. To be sourced; $language is named in complaints.

orders=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$orders/../.." && pwd)/build/orders-clients
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
  local from=$orders/python/requirements.txt stamp=$build/python/.installed
  installed "$stamp" "$from" && return 0
  python3 -m venv --clear "$build/python" && "$build/python/bin/pip" install --quiet -r "$from" || return 1
  cksum <"$from" >"$stamp"
}

install_javascript() {
  need node npm || return 1
  local lock=$orders/javascript/package-lock.json stamp=$build/javascript/.installed
  mkdir -p "$build/javascript"
  # The programs run from the copy, beside the modules, so that nothing is written into the sources.
  cp "$orders"/javascript/*.js "$orders"/javascript/package*.json "$build/javascript/"
  installed "$stamp" "$lock" && return 0
  (cd "$build/javascript" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return 1
  cksum <"$lock" >"$stamp"
}

install_go() {
  need go || return 1
  mkdir -p "$build/go"
  # Go has a cache of its own: this is quick when nothing changed.
  (cd "$orders/go" && go build -o "$build/go/" ./...)
}

install_java() {
  need java javac mvn || return 1
  local stamp=$build/java/.installed
  mapfile -t sources < <(find "$orders/java" -name '*.java' -o -name '*.xml' | sort)
  installed "$stamp" "${sources[@]}" && return 0
  mvn -q -B -f "$orders/java/pom.xml" -Dorders.build="$build/java" compile || return 1
  cat "${sources[@]}" | cksum >"$stamp"
}
