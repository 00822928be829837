"""Checks what no schema says of rendered Kubernetes manifests: `policy.py FILE...`, each the output of one overlay."""

import sys
import tomllib

import yaml


def pod_specs(document):
    """Yields the pod spec of a workload, with whether it serves for as long as it runs."""
    kind, spec = document["kind"], document.get("spec", {})
    if kind in ("Deployment", "StatefulSet", "DaemonSet"):
        yield spec["template"], True
    elif kind == "Job":
        yield spec["template"], False
    elif kind == "CronJob":
        yield spec["jobTemplate"]["spec"]["template"], False


def of_container(container, serves):
    """Yields what is wrong with one container."""
    image = container.get("image", "")
    if ":" not in image.rpartition("/")[2] or image.endswith(":latest"):
        yield f"image {image} has no tag of its own"
    resources = container.get("resources", {})
    for side in ("requests", "limits"):
        for what in ("cpu", "memory"):
            if what not in resources.get(side, {}):
                yield f"no {side} of {what}"
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "its root can be written to"
    if context.get("capabilities", {}).get("drop") != ["ALL"]:
        yield "it keeps capabilities"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if serves and probe not in container:
            yield f"no {probe}"
    for variable in container.get("env", []):
        if any(word in variable["name"] for word in ("PASSWORD", "SECRET", "TOKEN", "DB_URL")) and "value" in variable:
            yield f"{variable['name']} is written down; take it from a secret"


def of_pod(template, serves):
    """Yields what is wrong with one pod."""
    spec = template["spec"]
    if spec.get("automountServiceAccountToken") is not False:
        yield "it gets a token of the cluster"
    if spec.get("enableServiceLinks") is not False:
        yield "the cluster's variables would be read as settings"
    context = spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        yield "it may run as root"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "no seccomp profile"
    for container in spec.get("initContainers", []) + spec["containers"]:
        for fault in of_container(container, serves):
            yield f"container {container['name']}: {fault}"


def of_server(server, settings):
    """Yields what does not go together between the server's pod and its settings."""
    spec = server["spec"]["template"]["spec"]
    container = spec["containers"][0]
    grace = float(settings["server"]["grace_seconds"])
    sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    if spec["terminationGracePeriodSeconds"] <= grace + sleep:
        yield f"it is killed after {spec['terminationGracePeriodSeconds']} s, but may drain for {grace} + {sleep} s"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for face in ("grpc", "http", "metrics"):
        if settings[face]["address"] != f"0.0.0.0:{ports[face]}":
            yield f"{face} listens on {settings[face]['address']}, its port is {ports[face]}"
    if container["livenessProbe"]["grpc"].get("service", "") in ("", "klinecast.v1.PredictionService"):
        yield "liveness depends on readiness: a server that warms up would be restarted"


def of_overlay(documents):
    """Yields what is wrong with the output of one overlay."""
    seen = {}
    for document in documents:
        name = f"{document['kind']}/{document['metadata']['name']}"
        seen[name] = document
        if document["kind"] == "Secret":
            yield f"{name}: a secret may not stand in the repository"
        for template, serves in pod_specs(document):
            for fault in of_pod(template, serves):
                yield f"{name}: {fault}"
    server = seen["StatefulSet/klinecast-server"]
    settings = next(
        tomllib.loads(document["data"]["server.toml"])
        for name, document in seen.items()
        if name.startswith("ConfigMap/klinecast-server-")
    )
    for fault in of_server(server, settings):
        yield f"StatefulSet/klinecast-server: {fault}"
    scaler = seen.get("HorizontalPodAutoscaler/klinecast-server")
    replicas = scaler["spec"]["maxReplicas"] if scaler else server["spec"]["replicas"]
    weight = int(settings["exchange"]["request_weight_per_minute"]) * replicas
    if weight > 6000:
        yield f"{replicas} replicas may use a request weight of {weight} a minute; the exchange allows 6000 an address"
    policies = [document for document in seen.values() if document["kind"] == "NetworkPolicy"]
    if not any(p["spec"]["podSelector"] == {} and "ingress" not in p["spec"] for p in policies):
        yield "nothing is denied by default: no NetworkPolicy for all pods"
    if scaler and "PodDisruptionBudget/klinecast-server" not in seen:
        yield "several replicas and no PodDisruptionBudget"


def main(paths):
    """Prints every fault; whether there was none."""
    faults = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            documents = [document for document in yaml.safe_load_all(file) if document]
        faults += [f"{path}: {fault}" for fault in of_overlay(documents)]
    print("\n".join(faults) or f"{len(paths)} overlays hold to the policy")
    return not faults


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
