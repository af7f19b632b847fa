#!/usr/bin/env python3
"""Checks the manifests in deploy/; exit 1 with what is wrong, and where.

    manifests.py kubernetes FILE
        checks every object by Kubernetes' schemas (oldest and newest of VERSIONS), and what the
        objects say of each other
    manifests.py spinapp FILE
        checks the same for the objects of Kubernetes in it, and the SpinApp by SPINAPP below
    manifests.py configuration FILE
        prints eyesonly.toml out of the ConfigMap

No package of PyPI, npm or crates.io carries the SpinApp's CustomResourceDefinition (looked for in
November 2026). So SPINAPP says by hand which fields of core.spinkube.dev/v1alpha1 the manifest may
use. It follows the definition in spinframework/spin-operator at 943f5b1 (after 0.6.1). The operator
copies volumes, mounts, variables and resources into a pod as they are. Here they are put into a
pod, and checked by Kubernetes' schema of a pod.
"""

import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

VERSIONS = ["1.30", "1.37"]


class Wrong(Exception):
    """What is wrong, and where."""


def fields(required, **properties):
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 1}
SECRET_KEY = fields(["name", "key"], name=TEXT, key=TEXT)
OPTION = fields(
    ["name"], name=TEXT, value=TEXT, valueFrom=fields(["secretKeyRef"], secretKeyRef=SECRET_KEY)
)
STORE = fields(["name", "type"], name=TEXT, type=TEXT, options={"type": "array", "items": OPTION})
PROBE = fields(
    ["httpGet"],
    httpGet=fields(["path"], path={"type": "string", "pattern": "^/"}),
    initialDelaySeconds=COUNT,
    timeoutSeconds=COUNT,
    periodSeconds=COUNT,
    successThreshold=COUNT,
    failureThreshold=COUNT,
)
# These go into a pod as they are, where Kubernetes' schema checks them.
COPIED = {}
SPINAPP = fields(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "core.spinkube.dev/v1alpha1"},
    kind={"const": "SpinApp"},
    metadata=fields(["name"], name=TEXT),
    spec=fields(
        ["image", "executor", "replicas", "variables", "runtimeConfig", "resources"],
        image=TEXT,
        executor={"const": "containerd-shim-spin"},
        replicas=COUNT,
        variables={
            "type": "array",
            "items": fields(
                ["name"], name={"pattern": "^[a-z][a-z0-9_]*$"}, value=TEXT, valueFrom=COPIED
            ),
        },
        runtimeConfig=fields(
            ["keyValueStores"], keyValueStores={"type": "array", "minItems": 1, "items": STORE}
        ),
        volumes=COPIED,
        volumeMounts=COPIED,
        checks=fields([], readiness=PROBE, liveness=PROBE),
        resources=fields(["limits", "requests"], limits=COPIED, requests=COPIED),
    ),
)


def read(path):
    objects = list(yaml.safe_load_all(pathlib.Path(path).read_text()))
    expect(
        objects and all(isinstance(o, dict) for o in objects),
        f"{path}: every document must be an object",
    )
    for key in ("apiVersion", "kind", "metadata"):
        expect(all(key in o for o in objects), f"an object has no {key}")
    names = [(o["kind"], o["metadata"].get("name")) for o in objects]
    expect(len(set(names)) == len(names), f"{path}: an object is there twice")
    return objects


def expect(holds, what):
    if not holds:
        raise Wrong(what)


def by_schema(thing):
    for version in VERSIONS:
        try:
            used = kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            where = ".".join(str(step) for step in error.absolute_path)
            raise Wrong(
                f"{thing['kind']}, Kubernetes {version}: {where}: {error.message}"
            ) from error
        expect(
            used == version, f"the schemas of Kubernetes {version} are not in kubernetes-validate"
        )


def one(objects, kind):
    found = [o for o in objects if o.get("kind") == kind]
    expect(len(found) == 1, f"there must be one {kind}, not {len(found)}")
    return found[0]


def kubernetes(path):
    objects = read(path)
    for thing in objects:
        by_schema(thing)
    # No schema knows that the objects refer to each other.
    deployment, service, policy = (
        one(objects, kind) for kind in ("Deployment", "Service", "NetworkPolicy")
    )
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"]
    for name, selector in {
        "the Deployment": deployment["spec"]["selector"]["matchLabels"],
        "the Service": service["spec"]["selector"],
        "the NetworkPolicy": policy["spec"]["podSelector"]["matchLabels"],
    }.items():
        expect(
            selector.items() <= labels.items(), f"{name} selects {selector}, the pod has {labels}"
        )
    expect(
        deployment["spec"]["replicas"] == 1, "one process serves a data folder: replicas must be 1"
    )
    expect(
        deployment["spec"]["strategy"]["type"] == "Recreate",
        "one process serves a data folder: the strategy must be Recreate",
    )
    (container,) = pod["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    named = [port["targetPort"] for port in service["spec"]["ports"]]
    named += [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
    named += [
        container[probe]["httpGet"]["port"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    ]
    for port in named:
        expect(port in ports, f"no port of the container is called {port}")
    expect(
        set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        and not policy["spec"]["egress"],
        "egress must be closed",
    )
    volumes_are_there(objects, pod["spec"]["volumes"], container["volumeMounts"])
    users = {pod["spec"]["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")}
    recipe = pathlib.Path(path).with_name("Containerfile")
    if recipe.exists():
        stage = recipe.read_text().rsplit("\nFROM ", 1)[1].splitlines()
        expect(stage[0] == "scratch", "the image's last stage must be scratch")
        (user,) = [line.split()[1] for line in stage if line.startswith("USER ")]
        expect(
            {str(number) for number in users} == set(user.split(":")),
            f"the image's user is {user}, the pod's {users}",
        )


def volumes_are_there(objects, volumes, mounts):
    for volume in volumes:
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        expect(
            not claim or claim == one(objects, "PersistentVolumeClaim")["metadata"]["name"],
            f"no claim is called {claim}",
        )
        config = volume.get("configMap", {}).get("name")
        expect(
            not config or config == one(objects, "ConfigMap")["metadata"]["name"],
            f"no ConfigMap is called {config}",
        )
    expect(
        {m["name"] for m in mounts} == {v["name"] for v in volumes}, "volumes and mounts don't fit"
    )


def spinapp(path):
    objects = read(path)
    app = one(objects, "SpinApp")
    for thing in objects:
        if thing is not app:
            by_schema(thing)
    try:
        jsonschema.validate(app, SPINAPP)
    except jsonschema.ValidationError as error:
        where = ".".join(str(step) for step in error.absolute_path)
        raise Wrong(f"SpinApp: {where}: {error.message}") from error
    spec = app["spec"]
    container = {
        "name": "app",
        "image": spec["image"],
        "env": spec["variables"],
        "resources": spec["resources"],
        "volumeMounts": spec["volumeMounts"],
    }
    pod_spec = {"containers": [container], "volumes": spec["volumes"]}
    by_schema({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": pod_spec})
    volumes_are_there(objects, spec["volumes"], spec["volumeMounts"])
    (key,) = [
        variable for variable in spec["variables"] if variable["name"] == "key_encryption_key"
    ]
    expect(
        "secretKeyRef" in key.get("valueFrom", {}), "the key-encryption key must come from a secret"
    )
    stores = {store["name"]: store for store in spec["runtimeConfig"]["keyValueStores"]}
    (kept,) = [
        option["value"] for option in stores["default"]["options"] if option["name"] == "path"
    ]
    mounts = [mount["mountPath"] for mount in spec["volumeMounts"]]
    expect(
        any(kept.startswith(mount + "/") for mount in mounts),
        f"{kept} is on no volume: it would go with the pod",
    )


def configuration(path):
    print(one(read(path), "ConfigMap")["data"]["eyesonly.toml"], end="")


def main():
    command, path = sys.argv[1:]
    try:
        {"kubernetes": kubernetes, "spinapp": spinapp, "configuration": configuration}[command](
            path
        )
    except (Wrong, yaml.YAMLError) as error:
        sys.exit(f"{path}: {error}")


if __name__ == "__main__":
    main()
