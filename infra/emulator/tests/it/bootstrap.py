#!/usr/bin/env python3
"""A Lambda function for tests: refuses the messages that say `poison`, and tells what it sees."""

import json
import os
import urllib.request

api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
role = os.environ["PRODROME_FUNCTION"]

while True:
    with urllib.request.urlopen(f"{api}/next", timeout=3600) as answer:
        request = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.load(answer)
    records = event.get("Records", [])
    for record in records:
        print(role, "got", record["body"], "with", os.environ.get("SHARDS", "no"), "shards", flush=True)
    failures = [{"itemIdentifier": r["messageId"]} for r in records if r["body"] == "poison"]
    rules = os.path.exists(os.path.join(os.environ.get("RULES_DIR", "-"), "pods.yaml"))
    answer = {"batchItemFailures": failures, "role": role, "rules": rules}
    urllib.request.urlopen(f"{api}/{request}/response", data=json.dumps(answer).encode(), timeout=60).close()
