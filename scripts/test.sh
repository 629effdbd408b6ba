#!/usr/bin/env bash
# Runs every check of the repository, the cheapest first, and stops at the first that fails.
#
# usage: scripts/test.sh [STEP...]        (all steps when none is named)
#
# The steps: typos fmt clippy test doc deny, which look at the code; s3, discovery in a bucket; orders, the README's first command; clients lookups
# maps readme suite parity, which run a server, and Coherence CE beside it to compare with; cluster, the same through three
# members while partitions move; simulate and lab, which break clusters. What they need is installed into build/, once,
# and for lab, as root, from Debian's packages. Coherence CE is started by ../shared/parity/reference.sh; where that is
# not there, the comparison is left out, unless CI is true: then that is a failure.
#
#   PARITY_SEEDS (2)     random cases for each kind of key
#   PARITY_STEPS (300)   operations of each case
#   PARITY_FIRST (1)     the first seed
#   PARITY_MOVED (1)     as PARITY_SEEDS, through a cluster of which partitions move
#   SIMULATE_SEEDS (40)  simulated clusters, of 200 faults each
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

root=$PWD
logs=$root/build/test
parity=$root/../shared/parity
: "${PARITY_SEEDS:=2}" "${PARITY_STEPS:=300}" "${PARITY_FIRST:=1}" "${PARITY_MOVED:=1}" "${SIMULATE_SEEDS:=40}"
export PARITY_STEPS PARITY_FIRST PARITY_MOVED
TYPOS_VERSION=1.52.0
CARGO_DENY_VERSION=0.20.2
MOTO_VERSION=5.2.5

mkdir -p "$logs"
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}

# ---- Running a step.

running= grid_pid= reference_port=
passed=0

# Everything that was started is stopped, however this ends.
finish() {
  local status=$?
  trap - EXIT INT TERM
  for pid in $running $grid_pid; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  [ -z "$reference_port" ] || reference stop || true
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# run TITLE MINUTES COMMAND... : what it prints goes to a log, which is shown when it fails.
run() {
  local title=$1 minutes=$2 started=$SECONDS status=0
  shift 2
  log=$logs/$(tr -cs 'a-z0-9\n' - <<<"${title,,}").log
  # In the background, so that a signal is answered while it runs; it ends with all that it started.
  timeout --kill-after=10 "$((minutes * 60))" "$@" >"$log" 2>&1 &
  running=$!
  wait "$running" || status=$?
  running=
  if [ "$status" -ne 0 ]; then
    tail -n 400 "$log" >&2
    [ "$status" -ne 124 ] || echo "it took more than $minutes minutes" >&2
    fail "$title ($((SECONDS - started)) s, exit $status; all of its messages are in ${log#"$root"/})"
  fi
  passed=$((passed + 1))
  echo "== $title: ok ($((SECONDS - started)) s)"
}

# ---- What the steps need.

# A program as the tests built it, which saves another build.
program() {
  local target
  target=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
  echo "$target/debug/$1"
}

check_tools() {
  local missing=0
  need() {
    command -v "$1" >/dev/null && return
    echo "missing: $1 ($2)" >&2
    missing=1
  }
  need cargo "Rust 1.95 or later"
  need rustfmt "the component rustfmt of Rust"
  need cargo-clippy "the component clippy of Rust"
  need cc "a C compiler, for SQLite and the allocator"
  need timeout "coreutils"
  need python3 "Python 3.9 or later"
  need node "Node.js 18 or later"
  need npm "comes with Node.js"
  need go "Go 1.23 or later"
  need javac "a JDK, 17 or later"
  need mvn "Maven 3.8 or later"
  if command -v python3 >/dev/null && ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    echo "missing: the modules venv and ensurepip of python3 (package python3-venv on Debian)" >&2
    missing=1
  fi
  [ "$missing" -eq 0 ] || fail "install what is missing, then run this again"
}

# True when there is no reference, and so nothing to compare with.
no_reference() {
  [ ! -x "$parity/reference.sh" ] || return 1
  [ "${CI:-}" != true ] || fail "$parity has no reference.sh, which starts Coherence CE to compare with"
  if [ -z "${told_no_reference:-}" ]; then
    told_no_reference=1
    echo "== left out: the comparison with Coherence CE, since ../shared/parity/reference.sh is not there"
  fi
}

reference() {
  PORT=$reference_port WORK=$root/build/coherence-reference "$parity/reference.sh" "$1"
}

start_reference() {
  [ -z "$reference_port" ] || return 0
  # The reference takes this port and the one 20,000 above it.
  reference_port=$(python3 -c '
import socket
for port in range(15000, 40000, 7):
    try:
        for free in (port, port + 20000):
            with socket.socket() as s:
                s.bind(("127.0.0.1", free))
        print(port)
        break
    except OSError:
        pass
')
  export PORT=$reference_port WORK=$root/build/coherence-reference
  run "start Coherence CE" 10 "$parity/reference.sh" start
  unset PORT WORK
  reference_address=127.0.0.1:$reference_port
}

start_grid() {
  [ -z "$grid_pid" ] || return 0
  local grid
  grid=$(program grid)
  [ -x "$grid" ] || run "build" 30 cargo test --workspace --locked --no-run
  "$grid" serve --grpc 127.0.0.1:0 --http 127.0.0.1:0 >"$logs/grid.out" 2>"$logs/grid.log" &
  grid_pid=$!
  for _ in $(seq 1 300); do
    grid_address=$(sed -n 's/^ready .*grpc=\([^ ]*\).*/\1/p' "$logs/grid.out")
    grid_http=$(sed -n 's/^ready .*http=\([^ ]*\).*/\1/p' "$logs/grid.out")
    [ -z "$grid_address" ] || return 0
    kill -0 "$grid_pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 50 "$logs/grid.log" >&2
  fail "grid serve was not ready within 30 s"
}

# The Python client is installed by the first run of its programs.
python=$root/build/orders-clients/python/bin/python
need_python_client() {
  [ -x "$python" ] || run "install the Python client" 10 examples/orders/clients.sh "$grid_address" python
}

# ---- The steps.

step_typos() {
  local venv=$root/build/typos
  if [ "$("$venv/bin/typos" --version 2>/dev/null)" != "typos-cli $TYPOS_VERSION" ]; then
    run "install typos" 5 bash -c "python3 -m venv --clear '$venv' && '$venv/bin/pip' install --quiet typos==$TYPOS_VERSION"
  fi
  run "spelling" 2 "$venv/bin/typos" --config typos.toml
}

step_fmt() {
  run "format" 2 cargo fmt --all -- --check
}

step_clippy() {
  run "lints" 25 cargo clippy --workspace --all-targets --locked -- -D warnings
}

step_test() {
  run "tests" 40 cargo test --workspace --locked
  grep -E '^ +(Running|Doc-tests)|^test ' "$log" || true
  local counts
  counts=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$log" | paste -sd+ -)
  passed=$((passed - 1 + ${counts:-0}))
}

step_doc() {
  run "documentation" 20 env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
}

step_deny() {
  local tools=$root/build/tools
  if [ "$("$tools/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $CARGO_DENY_VERSION" ]; then
    # A tool that runs for a second need not be fast: it is built in a third of the time.
    run "install cargo-deny" 20 env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
      CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
      cargo install --quiet --locked --force --root "$tools" --version "$CARGO_DENY_VERSION" cargo-deny
  fi
  run "licences, bans, sources" 2 "$tools/bin/cargo-deny" --locked check bans licenses sources
}

# Members that meet in a bucket. The server is moto's, a package of Python.
step_s3() {
  local venv=$root/build/moto
  if [ "$(cat "$venv/version" 2>/dev/null)" != "$MOTO_VERSION" ]; then
    run "install moto" 10 bash -c "python3 -m venv --clear '$venv' &&
      '$venv/bin/pip' install --quiet 'moto[s3]==$MOTO_VERSION' flask flask-cors && echo '$MOTO_VERSION' >'$venv/version'"
  fi
  run "build with S3" 30 cargo test --locked -p grid-discovery -p grid-server \
    --features grid-discovery/s3,grid-server/discovery-s3 --test it --no-run
  run "discovery in a bucket" 5 scripts/s3.sh "$venv/bin/python" cargo test --locked -p grid-discovery -p grid-server \
    --features grid-discovery/s3,grid-server/discovery-s3 --test it bucket
  grep -E '^test ' "$log" || true
}

step_orders() {
  local page=$logs/orders-report.html
  rm -f "$page"
  # As the README says it; it is what a stranger runs first.
  run "the orders application" 25 cargo run --release --locked -p orders -- --html "$page"
  grep -q 'best customers' "$log" || fail "the report lacks the best customers"
  grep -q '<svg' "$page" || fail "the report's page has no chart"
}

step_clients() {
  start_grid
  run "official clients on the grid" 15 examples/orders/clients.sh "$grid_address"
  no_reference && return
  start_reference
  run "official clients on Coherence CE" 15 examples/orders/clients.sh "$reference_address"
}

# The whole map API of each client, as version 1 and 0 have it; the table is build/map-api/grid/table.md.
step_maps() {
  start_grid
  run "the clients' whole map API on the grid" 15 tests/clients/run.sh "$grid_address"
  grep -E 'passed' "$log" || true
}

step_lookups() {
  start_grid
  local orders
  orders=$(program orders)
  run "the orders application on the grid" 5 "$orders" --address "$grid_address" --html "$logs/orders-grid.html"
  no_reference && return
  start_reference
  run "the orders application on Coherence CE" 5 \
    "$orders" --address "$reference_address" --html "$logs/orders-reference.html"
}

step_readme() {
  start_grid
  run "the README's programs" 10 scripts/readme.sh "$(program grid)" "$grid_address" "$grid_http"
}

step_suite() {
  start_grid
  run "Rust client on the grid" 10 \
    env GRID_TEST_ADDRESS="$grid_address" cargo test --workspace --locked --test it a_server_holds_the_contract
  no_reference && return
  start_reference
  run "Rust client on Coherence CE" 10 \
    env COHERENCE_ADDRESS="$reference_address" cargo test --workspace --locked --test it coherence_holds_the_contract
}

step_parity() {
  no_reference && return
  start_grid
  start_reference
  need_python_client
  local kind seed
  for kind in int str mixed; do
    for seed in $(seq "$PARITY_FIRST" "$((PARITY_FIRST + PARITY_SEEDS - 1))"); do
      run "same as Coherence CE: $kind keys, seed $seed" 5 "$python" tests/parity/parity.py \
        --reference "$reference_address" --subject "$grid_address" --kind "$kind" --seed "$seed" --steps "$PARITY_STEPS"
      echo "   $(tail -n 1 "$log")"
    done
  done
}

# Through different members of three, while partitions move.
step_cluster() {
  local grid
  grid=$(program grid)
  [ -x "$grid" ] || run "build" 30 cargo test --workspace --locked --no-run
  if no_reference; then
    run "clients through different members" 15 scripts/cluster.sh "$grid" "$logs/cluster"
  else
    start_reference
    run "clients and comparison through different members" 20 \
      scripts/cluster.sh "$grid" "$logs/cluster" "$reference_address"
  fi
  sed 's/^/   /' "$log"
}

# Members as state machines, with faults by chance. That mistakes made on purpose are found is one of the tests.
step_simulate() {
  local lab
  lab=$(program grid-lab)
  [ -x "$lab" ] || run "build the lab" 30 cargo build --locked -p grid-lab
  run "simulated faults" 10 "$lab" simulate --seeds "$SIMULATE_SEEDS"
  tail -n 2 "$log" | sed 's/^/   /'
}

install_cutters() {
  command -v ip >/dev/null && command -v nft >/dev/null && return
  command -v apt-get >/dev/null || return 0
  run "install iproute2 and nftables" 10 bash -c "apt-get update && apt-get install --yes iproute2 nftables"
}

# Real clusters that are broken, about four minutes. Cuts of the network need root, and what install_cutters installs.
step_lab() {
  local lab grid scenario
  lab=$(program grid-lab) grid=$(program grid)
  [ -x "$lab" ] && [ -x "$grid" ] || run "build the lab" 30 cargo build --locked -p grid-lab -p grid-server
  [ "$(id -u)" -ne 0 ] || install_cutters
  local scenarios=("kill-one --rounds 4" "pause-one --rounds 1 --seconds 6" "rolling-restart --members 3"
    "two-members --rounds 2" "join-leave-storm --rounds 6")
  if [ "$(id -u)" -eq 0 ] && command -v ip >/dev/null && command -v nft >/dev/null; then
    scenarios+=("cut-minority --seconds 10 --namespaces" "cut-with-resets --seconds 10 --namespaces"
      "two-members --rounds 1 --seconds 8 --namespaces" "random-mix --seconds 20 --namespaces")
  else
    [ "${CI:-}" != true ] || fail "cuts of the network need root and the programs ip and nft"
    echo "== left out: cuts of the network, which need root and the programs ip and nft"
  fi
  for scenario in "${scenarios[@]}"; do
    # shellcheck disable=SC2086 # a scenario is several words
    run "lab $scenario" 4 "$lab" scenario $scenario --grid "$grid" --output "$root/build/lab"
    sed 's/^/   /' "$log"
  done
}

# The grid must have come through all of it, and must stop as it should.
stop_grid() {
  [ -n "$grid_pid" ] || return 0
  local status=0
  kill -0 "$grid_pid" 2>/dev/null || fail "grid serve ended by itself; its messages are in build/test/grid.log"
  kill -TERM "$grid_pid"
  wait "$grid_pid" || status=$?
  grid_pid=
  [ "$status" -eq 0 ] || fail "grid serve ended with $status and not with 0 when asked to stop"
  ! grep -q panicked "$logs/grid.log" || fail "grid serve panicked; see build/test/grid.log"
}

all="typos fmt clippy test doc deny s3 orders clients maps lookups readme suite parity cluster simulate lab"
[ $# -gt 0 ] || set -- $all
for step in "$@"; do
  case " $all " in
  *" $step "*) ;;
  *)
    echo "no such step: $step; there are: $all" >&2
    exit 2
    ;;
  esac
done
check_tools
for step in "$@"; do
  "step_$step"
done
stop_grid
echo "== all of it: $SECONDS s"
echo "$passed passed, 0 failed"
