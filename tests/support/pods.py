"""Pods as large and as detailed as clusters have them."""

SPACE_FOR_FIELDS = 0.55  # the server's managedFields take the rest


def pod_manifest(name, image="registry.test/team/app:v1.0.0", labels=None, containers=None, size=9000):
    """containers: {name: image} instead of one container "app"; the server's JSON of it is about size bytes."""
    containers = containers or {"app": image}
    filler = max(0, int(size * SPACE_FOR_FIELDS) - 1200)
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {"app": name},
                     "annotations": {"checksum/config": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}},
        "spec": {
            "nodeName": f"node-{sum(name.encode()) % 100}", "terminationGracePeriodSeconds": 0,
            "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "web", "effect": "NoSchedule"}],
            "volumes": [{"name": "config", "configMap": {"name": "config"}}],
            "containers": [container(c, i, filler // len(containers)) for c, i in containers.items()]}}


def container(name, image, filler):
    env, rows = [], filler // 90
    for i in range(rows):
        env.append({"name": f"SETTING_{i}", "value": f"https://service-{i}.prod.svc.cluster.local:8443/path"})
    return {"name": name, "image": image, "env": env, "ports": [{"name": "http", "containerPort": 8080}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}]}


def running_status(manifest):
    """The status of that pod, running and ready."""
    at = "2024-01-01T00:00:00Z"
    conditions = [{"type": t, "status": "True", "lastTransitionTime": at}
                  for t in ("Initialized", "Ready", "ContainersReady", "PodScheduled")]
    statuses = [{"name": c["name"], "image": c["image"], "imageID": c["image"].split(":")[0] + "@sha256:" + "ab" * 32,
                 "containerID": "containerd://" + "cd" * 32, "ready": True, "started": True, "restartCount": 0,
                 "state": {"running": {"startedAt": at}}} for c in manifest["spec"]["containers"]]
    return {"phase": "Running", "startTime": at, "podIP": "10.1.2.3", "hostIP": "10.0.0.3",
            "conditions": conditions, "containerStatuses": statuses}
