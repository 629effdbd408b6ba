#!/usr/bin/env bash
# Runs the official clients' programs, and random operations that are compared with Coherence CE, through different
# members of a cluster of three, while a fourth member joins and leaves again and again, so that partitions move.
#
# usage: cluster.sh GRID LOGS [REFERENCE_ADDRESS]
#
# GRID is the program `grid`; logs go to the folder LOGS. Without the address of a Coherence CE nothing is compared.
#
#   PARITY_STEPS (300)   operations of each comparison
#   PARITY_FIRST (1)     the first seed
#   PARITY_MOVED (1)     random cases for each kind of key
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ $# -lt 2 ]; then
  echo "usage: $0 GRID LOGS [REFERENCE_ADDRESS]" >&2
  exit 2
fi
grid=$1 logs=$2 reference=${3:-}
: "${PARITY_STEPS:=300}" "${PARITY_FIRST:=1}" "${PARITY_MOVED:=1}"
rm -rf "$logs"
mkdir -p "$logs"

cluster= mover=
finish() {
  local status=$?
  trap - EXIT
  touch "$logs/stop"
  for pid in $mover $cluster; do
    wait_or_kill "$pid"
  done
  exit "$status"
}
# The mover ends by itself when it sees the file; the cluster is asked to.
wait_or_kill() {
  [ "$1" = "$mover" ] || kill "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$grid" up --members 3 --dir "$logs/members" >"$logs/up.out" 2>"$logs/up.log" &
cluster=$!
for _ in $(seq 1 600); do
  grep -q '^ready' "$logs/up.out" && break
  kill -0 "$cluster" 2>/dev/null || break
  sleep 0.1
done
grep -q '^ready' "$logs/up.out" || {
  cat "$logs/up.log" >&2
  echo "grid up was not ready within 60 s" >&2
  exit 1
}
column() {
  awk -v column="$1" '/^member-/ { print $column }' "$logs/up.out"
}
mapfile -t grpc < <(column 2)
mapfile -t http < <(column 3)
mapfile -t listen < <(column 4)
join=$(IFS=,; echo "${listen[*]}")

# A member joins, takes its share, hands it over and leaves; how often is counted.
moves() {
  local round=0 member
  while [ ! -e "$logs/stop" ]; do
    round=$((round + 1))
    "$grid" serve --name guest --listen 127.0.0.1:0 --grpc 127.0.0.1:0 --http 127.0.0.1:0 --join "$join" \
      >"$logs/guest.out" 2>>"$logs/guest.log" &
    member=$!
    # Whole with four members: a share has been moved.
    for _ in $(seq 1 600); do
      "$grid" cluster members --http "${http[0]}" --output json >"$logs/members.json" 2>/dev/null || true
      is_whole && break
      sleep 0.1
    done
    kill -TERM "$member" 2>/dev/null || true
    wait "$member" || echo "the guest ended with $?" >>"$logs/failed"
    echo "$round" >"$logs/rounds"
  done
}
is_whole() {
  python3 - "$logs/members.json" <<'PY'
import json, sys
try:
    members = json.load(open(sys.argv[1]))
except ValueError:
    sys.exit(1)
members = members.get("members", members) if isinstance(members, dict) else members
shares = [member["primaries"] for member in members]
sys.exit(0 if len(shares) == 4 and max(shares) - min(shares) <= 1 else 1)
PY
}
moves &
mover=$!

failed=0
turn=0
for language in python javascript go java rust; do
  address=${grpc[$((turn % 3))]}
  turn=$((turn + 1))
  if examples/orders/clients.sh "$address" "$language" >"$logs/$language.out" 2>&1; then
    echo "$language through $address: ok"
  else
    tail -n 20 "$logs/$language.out" >&2
    echo "$language through $address: failed; see $logs/$language.out" >&2
    failed=1
  fi
done

if [ -n "$reference" ]; then
  for seed in $(seq "$PARITY_FIRST" $((PARITY_FIRST + PARITY_MOVED - 1))); do
    for kind in int str mixed; do
      address=${grpc[$((turn % 3))]} out=$logs/parity-$kind-$seed.out
      turn=$((turn + 1))
      if build/orders-clients/python/bin/python tests/parity/parity.py --reference "$reference" \
        --subject "$address" --kind "$kind" --seed "$seed" --steps "$PARITY_STEPS" >"$out" 2>&1; then
        echo "$kind keys through $address, seed $seed: $(tail -n 1 "$out")"
      else
        tail -n 20 "$out" >&2
        echo "$kind keys through $address, seed $seed: not the same as Coherence CE; see $out" >&2
        failed=1
      fi
    done
  done
fi

touch "$logs/stop"
wait "$mover" || failed=1
mover=
rounds=$(cat "$logs/rounds" 2>/dev/null || echo 0)
echo "a fourth member joined and left $rounds times meanwhile"
if [ "$rounds" -eq 0 ] || [ -e "$logs/failed" ]; then
  cat "$logs/failed" 2>/dev/null >&2 || true
  echo "the fourth member did not join and leave as it should; see $logs/guest.log" >&2
  failed=1
fi
if grep -l panicked "$logs"/members/* "$logs/guest.log" >&2; then
  echo "a member panicked" >&2
  failed=1
fi
exit "$failed"
