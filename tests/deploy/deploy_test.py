#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""deploy_test.py GROUP: what is in deploy/, asked promtool. Exit 77 where there is none."""
import os
import shutil
import subprocess
import sys
import tempfile

import dashboards


def promtool(*words):
    ran = subprocess.run(("promtool", *words), capture_output=True, text=True)
    assert ran.returncode == 0, f"promtool {' '.join(words)}:\n{ran.stdout}{ran.stderr}"


def alerts():
    promtool("check", "rules", dashboards.RULES)
    promtool("test", "rules", dashboards.RULES.replace("alerts.yml", "alerts_test.yml"))
    with open(dashboards.RULES.replace("alerts.yml", "alerts_test.yml")) as file:
        tested = file.read()
    rules = dashboards.rule_expressions()
    assert len(rules) >= 10
    for name, _ in rules:
        assert f'alertname="{name}"' in tested, f"{name}: no test lets it fire"


def dashboard():
    expressions = dashboards.dashboard_expressions()
    assert len(expressions) >= 20
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rules.yml")
        for where, text in expressions:
            assert dashboards.metrics_of(text), where
            with open(path, "w") as file:
                quoted = text.replace("'", "''")
                file.write(f"groups:\n  - name: g\n    rules:\n      - record: r\n        expr: '{quoted}'\n")
            try:
                promtool("check", "rules", path)
            except AssertionError as error:
                raise AssertionError(f"panel '{where}': {text}\n{error}") from None


if not shutil.which("promtool"):
    print("SKIP: no promtool (package prometheus)")
    sys.exit(77)
{"alerts": alerts, "dashboard": dashboard}[sys.argv[1]]()
