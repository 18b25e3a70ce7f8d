"""The collector on a real API server with 10,000 pods: memory, first report, how soon a change is told, at rest, under churn."""
import concurrent.futures
import statistics
import time

from support.kube import Kube, TRACKERS
from support.nats import Nats
from support.stack import Stack, free_ports, request, samples, until

PODS, TRACKERS_FEW, TRACKERS_MANY = 10000, 100, 1000
REACTIONS, REST_S = 100, 60
CHANGES, CHANGERS = 100000, 8
AGENT = "bench"


class Bench:
    def __init__(self, kube, stack, rss_mb, peak_mb, cpu_seconds):
        self.kube, self.stack = kube, stack
        self.rss_mb, self.peak_mb, self.cpu_seconds = rss_mb, peak_mb, cpu_seconds
        self.nats = Nats(stack.nats_port)
        metrics, health = free_ports(2)
        self.url = f"http://127.0.0.1:{metrics}"
        self.collector = stack.service("collector", "collector", [
            "--agent.identifier", AGENT, "--kubeconfig", kube.agent_kubeconfig(), "--metrics-bind-address", f"127.0.0.1:{metrics}",
            "--health-probe-bind-address", f"127.0.0.1:{health}"], health)

    def metric(self, name):
        return sum(v for n, _, v in samples(request(self.url, "GET", "/metrics").text()) if n == name)

    def wait_told(self, trackers):
        """Every tracker has reported and has its status."""
        until("every tracker reported", lambda: self.nats.stream("OPVIC_REPORTS")["state"]["messages"] >= trackers, 120)
        told = time.monotonic()
        until("every status is written", lambda: self.metric("opvic_agent_status_writes_total") >= trackers, 120)
        return told

    def react_ms(self, pod, image):
        """From the server's answer to the change until the report is stored."""
        path = f"/api/v1/namespaces/bulk/pods/{pod}"
        found = self.kube.get(path)
        subject = f"opvic.report.{AGENT}.t{found['metadata']['labels']['app'][1:]}"
        first, *rest = found["spec"]["containers"]
        self.kube.patch(path, {"spec": {"containers": [{**first, "image": f"example.test/app:{image}"}, *rest]}})
        start = time.monotonic()
        until("the change is told", lambda: image.encode() in self.nats.last("OPVIC_REPORTS", subject)[1])
        return (time.monotonic() - start) * 1000


def tracker(number):
    return {"apiVersion": "opvic.skillz.com/v1alpha1", "kind": "VersionTracker",
            "metadata": {"name": f"t{number}", "namespace": "opvic"},
            "spec": {"name": f"t{number}", "localVersion": {"strategy": "ImageTag"},
                     "resources": {"strategy": "Pods", "selector": {"matchLabels": {"app": f"a{number % 100}"}}}}}


def create_trackers(kube, numbers):
    kube.create(f"{TRACKERS}/namespaces/opvic/versiontrackers", [tracker(i) for i in numbers])


def churn(bench, pods):
    """CHANGES images changed; the collector's memory after the first tenth and at the end, in MB."""
    def change(number):
        path = f"/api/v1/namespaces/bulk/pods/{pods[number % len(pods)]}"
        answer = bench.kube.api("PATCH", path, [{"op": "replace", "path": "/spec/containers/0/image", "value": f"example.test/app:v{number}.0"}],
                                "application/json-patch+json")
        assert answer.status == 200, answer.text()
    sizes = []
    with concurrent.futures.ThreadPoolExecutor(CHANGERS) as pool:
        for tenth in range(10):
            list(pool.map(change, range(tenth * CHANGES // 10, (tenth + 1) * CHANGES // 10)))
            sizes.append(bench.rss_mb(bench.collector))
    return sizes[0], sizes[-1]


def rest(bench):
    """CPU in percent of a core and bytes read in a minute, with nothing happening."""
    cpu, read, start = bench.cpu_seconds(bench.collector), bench.metric("opvic_agent_read_bytes_total"), time.monotonic()
    time.sleep(REST_S)  # what is measured is a time without anything
    passed = time.monotonic() - start
    return ((bench.cpu_seconds(bench.collector) - cpu) / passed * 100,
            (bench.metric("opvic_agent_read_bytes_total") - read) / passed * 60)


def measure_collector(figures, rss_mb, peak_mb, cpu_seconds):
    with Kube() as kube, Stack() as stack:
        kube.install_crd()
        kube.namespace("opvic")
        kube.load(PODS, "bulk")
        create_trackers(kube, range(TRACKERS_FEW))
        stack.nats()
        stack.aggregator().wait_ready()
        start = time.monotonic()
        bench = Bench(kube, stack, rss_mb, peak_mb, cpu_seconds)
        figures["collector_first_report_s"] = bench.wait_told(TRACKERS_FEW) - start
        figures["collector_idle_cpu_pct"], figures["collector_idle_bytes_per_min"] = rest(bench)
        pods = [p["metadata"]["name"] for p in kube.get("/api/v1/namespaces/bulk/pods?limit=2000")["items"]]
        took = [bench.react_ms(pods[i], f"v99.{i}.0") for i in range(REACTIONS)]
        figures["collector_react_ms"] = statistics.quantiles(took, n=100)[98]
        figures["collector_rss_10k_mb"], figures["collector_peak_10k_mb"] = rss_mb(bench.collector), peak_mb(bench.collector)
        create_trackers(kube, range(TRACKERS_FEW, TRACKERS_MANY))
        bench.wait_told(TRACKERS_MANY)
        figures["collector_rss_1k_trackers_mb"] = rss_mb(bench.collector)
        first, last = churn(bench, pods)
        figures["collector_churn_growth_mb"] = last - first
