"""A Deployment rolled by the real controllers, as the collector tells it."""
import unittest

from support.kubeworld import World, collector, tracker, versions_of
from support.stack import until

ROLLED_S = 90  # the controllers work at their own pace


def deployment(image, replicas):
    """Rolled at once: without nodes no pod ever becomes ready."""
    labels = {"app": "web"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": "100%"}},
                     "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}}}}


class Rollout(unittest.TestCase):
    def test_a_deployment(self):
        with World(["web"], with_kcm=True) as world:
            kube, told = world.kube, lambda name: versions_of(said[-1]) if (said := world.listener.of("a", name)) else None
            kube.apply(tracker("rolled", "Deployments", "web"), tracker("sets", "ReplicaSets", "web"))
            kube.namespace("shop")
            kube.apply(deployment("registry.test/web:v1.0.0", 10))
            process = collector(world.stack, "a", kube.agent_kubeconfig())
            self.await_told(told, {"web": {"v1.0.0": 10}, "rolled": {"v1.0.0": 1}, "sets": {"v1.0.0": 1}})
            kube.kubectl("set", "image", "deployment/web", "app=registry.test/web:v2.0.0", "-n", "shop")
            self.await_told(told, {"web": {"v2.0.0": 10}, "rolled": {"v2.0.0": 1}, "sets": {"v1.0.0": 1, "v2.0.0": 1}})
            kube.kubectl("scale", "deployment/web", "--replicas=3", "-n", "shop")
            self.await_told(told, {"web": {"v2.0.0": 3}})
            kube.kubectl("delete", "deployment/web", "-n", "shop")
            self.await_told(told, {"web": {}, "rolled": {}, "sets": {}})
            self.assertLessEqual(len(world.listener.of("a", "web")), 20, "a rollout is a few reports")
            self.assertEqual(process.stop(), 0)

    def await_told(self, told, wanted):
        until(f"{wanted}", lambda: all(told(name) == versions for name, versions in wanted.items()), ROLLED_S)


if __name__ == "__main__":
    unittest.main()
