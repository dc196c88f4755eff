#!/usr/bin/env python3
"""A plugin in another language: what a Lambda function answers to be one. See CONTRACT.md beside shared/plugin/src.

`handler` is the plugin. In the cloud it is deployed with AWS's own Python runtime under the name
<stack>-plugin-exit-code; the loop below serves it where there is none.
"""

import json
import os
import urllib.request

# The causes that it names; a flow declares them with `causes`.
MEANINGS = {126: "command-not-executable", 127: "command-not-found", 139: "app-error"}


def handler(event, context=None):
    code = event.get("params", {}).get("exitCode")
    name = f"{event['object']['kind']} {event['object']['name']}"
    if code is None:
        return {"verdict": "unknown", "summary": "the flow gives no exitCode"}
    if code not in MEANINGS:
        return {"verdict": "cleared", "summary": f"the exit code {code} says nothing by itself"}
    return {
        "verdict": "cause",
        "cause": MEANINGS[code],
        "confidence": 0.7,
        "owner": "user",
        "summary": f"{name} ended with {code}",
        "evidence": [{"text": f"exit code {code}", "source": "params"}],
        "remediation": ["Look at the command of the container."],
        "facts": {"exitCode": code},
    }


def serve(api):
    while True:
        with urllib.request.urlopen(f"{api}/next", timeout=3600) as answer:
            request = answer.headers["Lambda-Runtime-Aws-Request-Id"]
            event = json.load(answer)
        data = json.dumps(handler(event)).encode()
        urllib.request.urlopen(f"{api}/{request}/response", data=data, timeout=60).close()


if __name__ == "__main__":
    serve(f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation")
