"""Answers questions with Cedar, by the policies of SPEC.md's rights.

Each line of standard input is a JSON list of questions: an action and a context. Each line of
standard output is a JSON list of decisions: true if the question is allowed.
"""

import json
import sys
from pathlib import Path

import cedarpy

policies = (Path(__file__).parent / "rights.cedar").read_text()

for line in sys.stdin:
    requests = [
        {
            "principal": 'Viewer::"alder"',
            "action": f'Action::"{action}"',
            "resource": 'Camera::"door"',
            "context": context,
        }
        for action, context in json.loads(line)
    ]
    answers = cedarpy.is_authorized_batch(requests, policies, [])
    errors = [error for answer in answers for error in answer.diagnostics.errors]
    if errors:
        sys.exit(f"Cedar can't decide: {errors[0]}")
    decisions = [answer.decision == cedarpy.Decision.Allow for answer in answers]
    print(json.dumps(decisions), flush=True)
