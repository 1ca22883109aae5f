# SPDX-License-Identifier: BSD-2-Clause
"""The expressions of deploy/: those of the Grafana dashboard and of the alert rules."""
import json
import os
import re

DEPLOY = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../deploy")
RULES = os.path.join(DEPLOY, "prometheus/alerts.yml")
# What Prometheus itself adds.
FOREIGN = {"up"}


def dashboard_expressions():
    """(where, expression) with Grafana's variables filled in."""
    with open(os.path.join(DEPLOY, "grafana/flowxdp.json")) as file:
        dashboard = json.load(file)
    found = []
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            text = target["expr"].replace("$__rate_interval", "5m")
            text = re.sub(r"\$\{?\w+\}?", ".*", text)
            found.append((panel["title"], text))
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            metric = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
            found.append((variable["name"], f"count by ({metric[2]}) ({metric[1]})"))
    return found


def rule_expressions():
    with open(RULES) as file:
        return re.findall(r"- alert: (\w+)\n\s+expr: (.*)\n", file.read())


def metrics_of(expression):
    """Names of metrics in an expression."""
    return set(re.findall(r"\b(?:flowxdp|process)_\w+|\bup\b", expression))


def families(text):
    """Names of the series of an exposition."""
    return {re.match(r"\w+", line)[0] for line in text.splitlines() if line and not line.startswith("#")}
