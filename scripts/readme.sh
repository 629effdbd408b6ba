#!/usr/bin/env bash
# Runs the programs that stand in the README against a server, with the official clients that the orders example's
# clients.sh has installed.
#
# usage: readme.sh GRID ADDRESS HTTP_ADDRESS        (GRID is the program `grid`)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ $# -ne 3 ]; then
  echo "usage: $0 GRID ADDRESS HTTP_ADDRESS" >&2
  exit 2
fi
grid=$1
export GRID_ADDRESS=$2 GRID_HTTP=$3
clients=$PWD/build/orders-clients
folder=$PWD/build/readme
rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/go"
ln -s "$grid" "$folder/bin/grid"

# The text of the README's block in a language, for the server at hand.
block() {
  awk -v start="\`\`\`$1" '$0 == start { inside = 1; next } $0 == "```" { inside = 0 } inside' README.md |
    sed "s/127\.0\.0\.1:1408/$GRID_ADDRESS/; s/\"1408\"/\"${GRID_ADDRESS##*:}\"/; s/127\.0\.0\.1:6676/$GRID_HTTP/"
}

failed=0
# Each program puts Ada into the cache, and shows what it finds there.
check() {
  local language=$1
  shift
  if ! "$@" >"$folder/$language.out" 2>"$folder/$language.log" || ! grep -q Ada "$folder/$language.out"; then
    cat "$folder/$language.log" >&2
    echo "$language: the README's program failed, or did not show Ada" >&2
    failed=1
  else
    echo "$language: ok"
  fi
  "$grid" cache clear --yes people >"$folder/clear.log"
}

block python >"$folder/people.py"
check python "$clients/python/bin/python" "$folder/people.py"

block javascript >"$clients/javascript/people.js"
check javascript node "$clients/javascript/people.js"

block go >"$folder/go/main.go"
cp examples/orders/go/go.mod examples/orders/go/go.sum "$folder/go/"
check go go run -C "$folder/go" .

block java >"$folder/People.java"
check java java -cp "$(cat "$clients/java/classpath.txt")" "$folder/People.java"

block console | sed -n "s/^\$ //p" >"$folder/commands.sh"
cd "$folder"
check commands env PATH="$folder/bin:$PATH" bash -euo pipefail "$folder/commands.sh"
exit "$failed"
