#!/usr/bin/env python3
"""A plugin that does what its node's params say: what somebody may deploy by mistake, or in bad faith."""

import json
import os
import signal
import urllib.error
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
GOOD = {"verdict": "cleared", "summary": "it is not this"}
MARKUP = "<!channel> [x](http://e.example) \u001b[2J\u202etxt password=hunter2hunter2"


def answer(request, body, kind="response"):
    urllib.request.urlopen(f"{API}/{request}/{kind}", data=body, timeout=60).close()


while True:
    with urllib.request.urlopen(f"{API}/next", timeout=3600) as asked:
        request = asked.headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.load(asked)
    act = event["params"].get("do")
    if act == "prose":
        answer(request, b"it broke, sorry")
    elif act == "list":
        answer(request, b"[1, 2]")
    elif act == "half":
        answer(request, b'{"verdict": "cause", "confidence": 0.9}')
    elif act == "too-sure":
        answer(request, b'{"verdict": "cause", "cause": "oom-killed", "confidence": 9}')
    elif act == "huge":
        answer(request, json.dumps({**GOOD, "summary": "x" * (6 << 20)}).encode())
    elif act == "fails":
        answer(request, json.dumps({"errorType": "E", "errorMessage": MARKUP}).encode(), "error")
    elif act == "crashes":
        os._exit(7)
    elif act == "hangs":
        signal.pause()
    elif act == "twice":
        answer(request, json.dumps({**GOOD, "summary": "the first answer"}).encode())
        try:
            answer(request, b'{"verdict": "cause", "cause": "node-oom", "confidence": 0.99}')
        except urllib.error.HTTPError:
            pass
    else:
        answer(request, json.dumps(GOOD).encode())
