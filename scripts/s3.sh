#!/usr/bin/env bash
# Runs a command beside a server that speaks the protocol of S3, with a bucket that is empty.
#
# usage: s3.sh PYTHON COMMAND...
#
# PYTHON has the package moto, whose server it is. The command finds the bucket, and what is needed to reach it, in
# GRID_TEST_BUCKET and in the variables of AWS.
set -euo pipefail
if [ $# -lt 2 ]; then
  echo "usage: $0 PYTHON COMMAND..." >&2
  exit 2
fi
python=$1
shift

# It ends with its standard input, however this ends.
coproc server {
  exec "$python" -u -c '
import logging, sys, urllib.request
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
address = "http://%s:%d" % server.get_host_and_port()
urllib.request.urlopen(urllib.request.Request(address + "/girih-test", method="PUT")).read()
print(address)
sys.stdin.read()
'
}
# shellcheck disable=SC2154 # bash sets it for the coprocess
if ! read -r -t 60 endpoint <&"${server[0]}"; then
  echo "the S3 server did not start within 60 s" >&2
  exit 1
fi
export GRID_TEST_BUCKET=girih-test
export AWS_ENDPOINT=$endpoint AWS_ALLOW_HTTP=true AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
unset AWS_SESSION_TOKEN AWS_PROFILE AWS_ENDPOINT_URL
status=0
"$@" || status=$?
exit "$status"
