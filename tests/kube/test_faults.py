"""Whatever happens between collector and API server, what it says is what the cluster was, and soon what it is."""
import concurrent.futures
import dataclasses
import time
import typing
import unittest

from support.kubeworld import LEFT_S, World, tracker, versions_of
from support.pods import pod_manifest
from support.stack import SANITIZED, until

AT_ONCE = 8
BULK = 1100  # three pages
PODS = {"path": "/pods$", "method": "GET"}
WATCH = {**PODS, "watch": True}
RESUME = {**WATCH, "query": {"sendInitialEvents": False}}
STREAM = {**WATCH, "query": {"sendInitialEvents": True}}
FIRST_PAGE = {**PODS, "watch": False, "query": {"continue": False}}
NEXT_PAGE = {**PODS, "watch": False, "query": {"continue": True}}
LONG = ("--kube.watch-timeout", "5m")
SHORT = ("--kube.watch-timeout", "5s" if SANITIZED else "1s", "--kube.idle-timeout", "12s" if SANITIZED else "3s")
SLOW = (*LONG, "--kube.idle-timeout", "12s" if SANITIZED else "4s")
HTML = b"<html>\n<body>Please log in</body>\n</html>\n"


def setUpModule():
    global world
    world = unittest.enterModuleContext(World(["bulk", *(row.name for row in ROWS)]))
    world.kube.namespace("bulk")
    pods = [pod_manifest(f"bulk-{i}", "registry.test/bulk:v1.0.0", {"app": "bulk"}, size=0) for i in range(BULK)]
    world.kube.create("/api/v1/namespaces/bulk/pods", pods)
    world.kube.apply(deployment("v1.0.0"), tracker("deploy", "Deployments"))


def deployment(version):
    template = {"metadata": {"labels": {"app": "deploy"}}, "spec": {"containers": [{"name": "a", "image": f"registry.test/d:{version}"}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "deploy", "namespace": "default", "labels": {"app": "deploy"}},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "deploy"}}, "template": template}}


@dataclasses.dataclass
class Row:
    """fault(proxy, agent) breaks something, yields for the cluster to change, and mends it again."""
    name: str
    fault: typing.Callable
    reason: str = None  # what the metric says of it
    args: tuple = LONG
    first: bool = False  # broken before the collector starts


def hit(rule, times=None):
    until(f"the fault happened {times or 'as often as it is to'}", lambda: rule.hits >= times if times else rule.left == 0, LEFT_S)


def on_resume(make, trigger=True):
    """make(proxy) sets up what happens to the watches that follow; the present one is cut."""
    def fault(proxy, agent):
        rules = make(proxy)
        proxy.cut_now(**WATCH)
        yield
        for rule in rules if isinstance(rules, (list, tuple)) else [rules]:
            hit(rule)
        proxy.clear()
    return fault


def at_start(make):
    def fault(proxy, agent):
        rules = make(proxy)
        yield
        for rule in rules:
            if rule.left is not None:
                hit(rule)
    return fault


def expired_then(*makers):
    """The watch is 410, and what is read then is broken too."""
    return on_resume(lambda p: [p.error_event(times=1, **RESUME), *(make(p) for make in makers)])


def paged_then(*makers):
    """The same on a server that does not stream lists."""
    def fault(proxy, agent):
        proxy.refuse_initial_events()
        rules = [proxy.error_event(times=2, **RESUME), *(make(proxy) for make in makers)]  # the second one where the first was streamed
        proxy.cut_now(**WATCH)
        yield
        for rule in rules[1:]:
            hit(rule)
        until("it was read in pages", lambda: proxy.seen(**FIRST_PAGE))
        proxy.clear()
    return fault


def forbidden(proxy, agent):
    proxy.forbid("pods")
    proxy.cut_now(**WATCH)
    yield
    until("it says why", lambda: "pods is forbidden" in str(agent.said(agent.name)[-1].body))
    version = f"v{time.monotonic_ns()}.0.0"
    world.kube.apply(deployment(version))
    until("other kinds go on", lambda: versions_of(agent.said("deploy")[-1]) == {version: 1})
    proxy.clear()


def frozen(proxy, agent):
    proxy.freeze()
    yield
    until("the silence was noticed", lambda: agent.restarts("idle") >= 1)
    proxy.thaw()


def proxy_down(proxy, agent):
    proxy.down()
    yield
    until("it tries again and again", lambda: agent.restarts("cut") >= 3)
    proxy.up()


def cut_between_lines(proxy, agent):
    assert proxy.cut_now(**WATCH) == 1
    yield


def nobody_home(proxy, agent):
    """A load balancer without a server says of everything that it is not there."""
    rule = proxy.instead(404, HTML, times=8, method="GET")
    proxy.cut_now(watch=True)
    yield
    hit(rule)
    proxy.clear()


def short_watches(proxy, agent):
    yield
    until("watches ended in their time", lambda: agent.restarts("timedOut") >= 2)


def check_throttled(agent):
    """Retry-After: 2"""
    refused = [s for s in agent.proxy.seen(**WATCH) if s.status == 429]
    later = [s for s in agent.proxy.seen(**PODS) if s.started > refused[-1].started]
    times = [s.started for s in refused] + [later[0].started]
    assert min(b - a for a, b in zip(times, times[1:])) >= 2, times


ROWS = [
    Row("cut-between-lines", cut_between_lines, "cut"),
    Row("cut-in-line", on_resume(lambda p: p.cut_in_line(0, times=2, **RESUME)), "cut"),
    Row("cut-in-second-line", on_resume(lambda p: p.cut_in_line(1, times=1, **RESUME)), "cut"),
    Row("ended-in-line", on_resume(lambda p: p.end_in_line(1, times=2, **RESUME)), "cut"),
    Row("ended-empty", on_resume(lambda p: p.instead(200, b"", times=3, **RESUME)), "timedOut"),
    Row("cut-first-stream", at_start(lambda p: [p.cut(200000, times=2, **STREAM)]), "cut", first=True),
    Row("cut-later-stream", expired_then(lambda p: p.cut(300000, times=2, **STREAM)), "expired"),
    Row("cut-first-pages", at_start(lambda p: [p.refuse_initial_events(), p.cut(30000, times=1, **FIRST_PAGE),
                                               p.cut(30000, times=2, **NEXT_PAGE)]), "noStream", first=True),
    Row("cut-later-pages", paged_then(lambda p: p.cut(30000, times=1, **FIRST_PAGE), lambda p: p.cut(30000, times=1, **NEXT_PAGE)), "cut"),
    Row("throttled", on_resume(lambda p: p.answer(429, retry_after=2, times=2, **WATCH)), "throttled"),
    Row("error-500", on_resume(lambda p: p.answer(500, times=2, **WATCH)), "serverError"),
    Row("error-503", on_resume(lambda p: p.answer(503, retry_after=1, times=2, **WATCH)), "serverError"),
    Row("error-event", on_resume(lambda p: p.error_event(500, times=1, **RESUME)), "serverError"),
    Row("gone", on_resume(lambda p: p.answer(410, times=1, **RESUME)), "expired"),
    Row("gone-event", on_resume(lambda p: p.error_event(times=1, **RESUME)), "expired"),
    Row("gone-in-stream", expired_then(lambda p: p.error_event(after_lines=300, times=2, **STREAM)), "expired"),
    Row("continue-expired", paged_then(lambda p: p.answer(410, times=2, **NEXT_PAGE)), "expired"),
    Row("forbidden", forbidden, "forbidden"),
    Row("stalled", on_resume(lambda p: p.stall(0, times=1, **RESUME)), "idle", SHORT),
    Row("stalled-stream", expired_then(lambda p: p.stall(300000, times=1, **STREAM)), "noStream", SLOW),
    Row("stalled-page", paged_then(lambda p: p.stall(30000, times=1, **NEXT_PAGE)), "idle", SHORT),
    Row("stalled-head", on_resume(lambda p: p.stall(None, times=1, **RESUME)), "cut", SHORT),
    Row("frozen", frozen, "idle", SHORT),
    Row("slow", expired_then(lambda p: p.slow(1000000, times=1, **STREAM)), "expired", SLOW),
    Row("login-page", on_resume(lambda p: p.instead(200, HTML, times=3, **PODS)), "malformed"),
    Row("login-line", on_resume(lambda p: p.instead(200, b"log in", times=3, **PODS)), "malformed"),
    Row("nobody-home", nobody_home, "malformed"),
    Row("no-streams", at_start(lambda p: [p.refuse_initial_events()]), "noStream", first=True),
    Row("streams-unknown", at_start(lambda p: [p.ignore_initial_events()]), "noStream", SHORT, first=True),
    Row("short-watches", short_watches, "timedOut", SHORT),
    Row("proxy-down", proxy_down, "cut"),
]
CHECKS = {"throttled": check_throttled}


class Faults(unittest.TestCase):
    def test_each(self):
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for row, done in [(row, pool.submit(self.run_row, row)) for row in ROWS]:
                with self.subTest(row.name):
                    done.result()
        print(f"{len(ROWS)} faults in {time.monotonic() - started:.0f} s")

    def run_row(self, row):
        agent = world.agent(row.name, row.args)
        try:
            fault = row.fault(agent.proxy, agent)
            if row.first:
                next(fault)
            agent.start()
            if not row.first:
                agent.process.wait_ready(60)
                agent.settle()
                next(fault)
            started, asked, read = time.monotonic(), len(agent.proxy.seen(**PODS)), 0 if row.first else agent.read_bytes()
            agent.pods.change()
            next(fault, None)
            if row.first:
                agent.process.wait_ready(60)
            agent.settle()
            agent.pods.change()
            agent.settle()
            self.check(row, agent, time.monotonic() - started, len(agent.proxy.seen(**PODS)) - asked, read)
        except BaseException:
            agent.close()
            raise
        agent.end()

    def check(self, row, agent, took_s, asked, read):
        self.assertGreaterEqual(agent.restarts(row.reason), 1, agent.process.tail())
        self.assertLessEqual(asked, 2 * took_s + 8, "no more than two requests in a second")
        self.assertGreater(agent.read_bytes(), read)
        self.assertFalse([s for s in agent.said("bulk") if versions_of(s) != {"v1.0.0": BULK}], "no report of a part")
        until("every tracker is counted", lambda: agent.process.metric("opvic_agent_trackers") == len(ROWS) + 2)
        if row.name in CHECKS:
            CHECKS[row.name](agent)


if __name__ == "__main__":
    unittest.main()
