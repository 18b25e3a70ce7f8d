"""Values that the chart's tests render, and the Go system's chart as it left its objects."""
import re

from support.helm import load
from support.stack import ROOT

GOLDEN = ROOT / "tests/golden/chart"
OLD = ("quickstart", "agent-only", "full")


def old_values(name):
    """A values file of a user of the Go system."""
    return load(GOLDEN / f"values-{name}.yaml")


def kept_values(name):
    """The same without the image that it pins, which the chart refuses."""
    values = old_values(name)
    for section in ("controlplane", "agent"):
        values.get(section, {}).pop("image", None)
    return values


def old_manifests(name):
    """What the old chart made of it. Annotations were not quoted there: y became true, which no server takes."""
    return re.sub(r"(annotations:\n +x: )true", r'\1"true"', (GOLDEN / f"rendered-{name}.yaml").read_text())


TRACKER = {"name": "web", "resources": {"namespaces": ["shop"], "selector": {"matchLabels": {"app": "web"}}},
           "localVersion": {"strategy": "ImageTag"}}
BOTH = {"controlplane": {"enabled": True}, "agent": {"enabled": True, "identifier": "prod-eu"}}

ALL_ON = {
    **BOTH,
    "controlplane": {
        "enabled": True, "replicaCount": 3, "log": {"level": "debug", "logHttpRequests": True},
        "extraEnv": [{"name": "LOG_FORMAT", "value": "json"}], "initContainers": [],
        "providers": {"github": {"token": "t", "apiUrl": "https://ghe.example/api/v3"}, "gitlab": {"url": "https://gl.example", "token": "t"},
                      "gitea": {"url": "https://gt.example", "token": "t"}},
        "serviceAccount": {"create": True, "annotations": {"a": "1"}},
        "ingress": {"enabled": True, "className": "nginx", "annotations": {"n": 1},
                    "hosts": [{"host": "opvic.example", "paths": [{"path": "/", "pathType": "Prefix"}]}]}},
    "api": {"autoscaling": {"enabled": True}},
    "aggregator": {"replicaCount": 2, "extraEnv": "- name: REPORT_PERIOD\n  value: 3h\n"},
    "fetcher": {"credentials": {"dockerConfigSecret": "docker", "netrcSecret": "netrc"},
                "fetch": {"allowCidrs": ["10.0.0.0/8", "fd00::/8"], "caConfigMap": "authorities",
                          "proxy": {"url": "http://u:p@proxy:3128", "noProxy": "example.org"}}},
    "nats": {"replicas": 3, "tls": {"secretName": "bus-tls"}, "auth": {"remoteAgents": ["prod-us", "Edge-1"]}},
    "agent": {"enabled": True, "identifier": "prod-eu", "tags": "env=prod\nregion=eu\n",
              "clusterRole": {"extraRules": [{"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "verbs": ["get", "list", "watch"]}]}},
    "versionTrackers": [TRACKER],
    "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}, "podMonitor": {"enabled": True}},
    "networkPolicy": {"enabled": True, "natsFrom": [{"namespaceSelector": {}}], "fetcherTo": [{"ports": [{"port": 8443}]}]},
}

CASES = {
    "nothing": {},
    "both": BOTH,
    **{name: kept_values(name) for name in OLD},
    "all on": ALL_ON,
    "secrets of one's own": {**BOTH, "sharedAuthentication": {"existingSecret": "token"}, "nats": {"auth": {"existingSecret": "bus"}},
                             "controlplane": {"enabled": True, "providers": {n: {"existingSecret": n} for n in ("github", "gitlab", "gitea")}}},
    "a bus elsewhere": {**BOTH, "nats": {"url": "tls://a.example:4222,tls://b.example", "auth": {"credentialsSecret": "creds"},
                                         "tls": {"secretName": "bus-ca", "clientSecretName": "bus-client"}},
                        "networkPolicy": {"enabled": True}},
    "an open bus elsewhere": {"controlplane": {"enabled": True}, "nats": {"url": "nats://nats.nats:4222"}},
    "three servers": {**BOTH, "nats": {"replicas": 3}, "aggregator": {"replicaCount": 2}},
    "trying out": {**BOTH, "nats": {"persistence": {"enabled": False}}, "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}},
    "agent over HTTP": {**BOTH, "agent": {"enabled": True, "identifier": "a", "controlPlaneURL": "https://opvic.example"}},
    "agent over NATS": {"agent": {"enabled": True, "identifier": "a"}, "nats": {"url": "tls://bus.example:4222", "auth": {"existingSecret": "bus"}}},
}
