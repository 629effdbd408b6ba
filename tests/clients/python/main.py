"""The whole map API of the official Python client, one check for each method and case, against a server.

usage: main.py ADDRESS [v1|v0] [RESULTS] [NAME...]

Prints `ok NAME` or `FAIL NAME: expected ..., got ...`, and at the end the counts; the exit status is 1 when any check
failed. RESULTS is a file for the same as JSON lines. NAME is the beginning of a check's name, to run only those.
The client has no switch for the older protocol: `v0` skips its handshake, which is what the client itself does when a
server does not know v1.
"""

import asyncio
import json
import logging
import sys

from coherence import Options, Session
from coherence import client as coherence_client

import checks_aggregate  # noqa: F401 The checks register themselves.
import checks_events  # noqa: F401
import checks_map  # noqa: F401
import checks_process  # noqa: F401
import checks_query  # noqa: F401
import checks_vector  # noqa: F401
import checks_coverage  # noqa: F401
from scene import CHECKS, Different, Scene

CHECK_SECONDS = 15
logging.getLogger("coherence").setLevel(logging.CRITICAL)


async def run(address: str, version: int, session: Session, name: str, function) -> dict:
    scene = Scene(address, version, session, name)
    try:
        await asyncio.wait_for(function(scene), CHECK_SECONDS)
        return {"check": name, "ok": True}
    except Different as difference:
        return {"check": name, "ok": False, "expected": difference.expected, "got": difference.got}
    except Exception as error:
        # A gRPC error's text has many lines.
        got = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return {"check": name, "ok": False, "expected": "no error", "got": got}
    finally:
        try:
            await asyncio.wait_for(scene.close(), CHECK_SECONDS)
        except Exception as error:
            print(f"   after {name}: {type(error).__name__} {error}", file=sys.stderr)


def show(result: dict) -> None:
    if result["ok"]:
        print(f"ok {result['check']}", flush=True)
    else:
        print(f"FAIL {result['check']}: expected {result['expected']}, got {result['got']}", flush=True)


async def main(address: str, version: int, results, beginnings: list) -> int:
    if version == 0:

        async def no_handshake(_self) -> None:
            return None

        coherence_client._Handshake.handshake = no_handshake
    session = await Session.create(Options(address=address))
    failed = passed = 0
    for name, versions, function in CHECKS:
        if version not in versions or beginnings and not name.startswith(tuple(beginnings)):
            continue
        result = await run(address, version, session, name, function)
        show(result)
        if results:
            print(json.dumps(result), file=results, flush=True)
        passed += result["ok"]
        failed += not result["ok"]
    await session.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if not arguments or arguments[1:2] not in ([], ["v0"], ["v1"]):
        sys.exit("usage: main.py ADDRESS [v1|v0] [RESULTS] [NAME...]")
    version = 0 if arguments[1:2] == ["v0"] else 1
    with open(arguments[2] if len(arguments) > 2 else "/dev/null", "w", encoding="utf-8") as results:
        sys.exit(asyncio.run(main(arguments[0], version, results, arguments[3:])))
