/* What kubectl writes and what a hand or an accident makes of it: which objects stand in a dump, and why it is refused.
 */
#include "services/collector/cluster/dump.h"

#include <stdio.h>

#include "base/buf.h"
#include "support/check.h"
#include "base/poison.h"

typedef struct {
    const char *name;
    dump_form form;
    const char *text;
    const char *want; /* "kind ns/name;" of trackers, "|", of objects */
} object_case;

#define POD(name) "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"d\"}}"

static const object_case objects[] = {
    {"a list in JSON", DUMP_JSON,
     "{\"apiVersion\":\"v1\",\"items\":[" POD("a") "," POD("b") "],\"kind\":\"List\",\"metadata\":{}}",
     "|Pods d/a;Pods d/b;"},
    {"a single object in JSON", DUMP_JSON, POD("a"), "|Pods d/a;"},
    {"a list of the API, whose items have no kind", DUMP_JSON,
     "{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"n\"}}]}", "|Nodes /n;"},
    {"an empty list", DUMP_JSON, "{\"apiVersion\":\"v1\",\"items\":[],\"kind\":\"List\"}", "|"},
    {"a list without items", DUMP_JSON, "{\"apiVersion\":\"v1\",\"items\":null,\"kind\":\"List\"}", "|"},
    {"a byte order mark", DUMP_JSON, "\xEF\xBB\xBF" POD("a") "\n", "|Pods d/a;"},
    {"a list in YAML", DUMP_YAML,
     "apiVersion: v1\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web, namespace: d}\nkind: "
     "List\n",
     "|Deployments d/web;"},
    {"several documents, empty ones among them", DUMP_YAML,
     "---\n---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\n# nothing\n---\napiVersion: batch/v1\nkind: "
     "Job\n"
     "metadata: {name: j, namespace: d}\n",
     "|Nodes /n1;Jobs d/j;"},
    {"trackers of both groups", DUMP_YAML,
     "apiVersion: opvic.skillz.com/v1alpha1\nkind: VersionTracker\nmetadata: {name: a, namespace: d}\n---\n"
     "apiVersion: vt.skillz.com/v1alpha1\nkind: VersionTracker\nmetadata: {name: b, namespace: d}\n",
     "VersionTrackers d/a;VersionTrackers d/b;|"},
    {"a list of trackers", DUMP_YAML,
     "apiVersion: opvic.skillz.com/v1alpha1\nkind: VersionTrackerList\nitems:\n- metadata: {name: a, namespace: d}\n",
     "VersionTrackers d/a;|"},
    {"any other kind", DUMP_YAML,
     "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmReleaseList\nitems:\n- metadata: {name: a, namespace: d}\n---\n"
     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: d}\n---\n"
     "apiVersion: x.io/v1\nkind: IPAllowList\nmetadata: {name: l}\n",
     "|helm.toolkit.fluxcd.io/HelmRelease d/a;/ConfigMap d/c;x.io/IPAllowList /l;"},
    {"kinds and versions that Kubernetes would not take", DUMP_YAML,
     "apiVersion: v 1\nkind: ConfigMap\nmetadata: {name: c}\n---\napiVersion: v1\nkind: Config Map\nmetadata: {name: "
     "c}\n",
     "|"},
    {"other kinds without a name are passed over", DUMP_YAML,
     "apiVersion: v1\nkind: ConfigMap\ndata: {}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: d}\n",
     "|Pods d/a;"},
    {"another group's kind of the same name", DUMP_YAML,
     "apiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nmetadata: {name: j, namespace: d}\n",
     "|batch.volcano.sh/Job d/j;"},
    {"an alias", DUMP_YAML,
     "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: d, labels: &l {app: x}, annotations: *l}\n",
     "|Pods d/a;"},
    {"an escaped name", DUMP_JSON,
     "{\"apiVersion\":\"v1\",\"kind\":\"Po\\u0064\",\"metadata\":{\"name\":\"\\u0061\",\"namespace\":\"d\"}}",
     "|Pods d/a;"},
};

static void add_object(void *arg, const dump_object *o)
{
    ov_buf_printf(arg, "%.*s %.*s/%.*s;", OV_STR_ARG(o->kind), OV_STR_ARG(o->ns), OV_STR_ARG(o->name));
    CHECK(o->json.len > 0 && o->json.ptr[0] == '{');
}

static void test_objects(void)
{
    for (size_t i = 0; i < OV_COUNT(objects); i++) {
        const object_case *c = &objects[i];
        OV_CLEANUP(dump_clear) dump d = {0};
        OV_CLEANUP(ov_buf_clear) ov_buf said = OV_BUF(1024);
        ov_err err = {0};
        check_case(c->name);
        if (!CHECK_OK(dump_parse(c->form, ov_str_of(c->text), &d, &err), &err)) continue;
        dump_each(&d, DUMP_TRACKERS, add_object, &said);
        ov_buf_append_char(&said, '|');
        dump_each(&d, DUMP_OBJECTS, add_object, &said);
        CHECK_STR(ov_buf_str(&said), ov_str_of(c->want));
        size_t semicolons = 0;
        for (const char *p = c->want; *p; p++) semicolons += *p == ';';
        CHECK_INT(d.trackers + d.objects, semicolons);
    }
    check_case(NULL);
}

typedef struct {
    const char *name;
    dump_form form;
    const char *text, *says;
} refused_case;

static const refused_case refused[] = {
    {"nothing at all", DUMP_YAML, "", "empty: expected a Kubernetes object or a List"},
    {"nothing but comments", DUMP_YAML, "# later\n", "empty: expected"},
    {"nothing in JSON", DUMP_JSON, " \n", "empty: expected"},
    {"JSON that is cut off", DUMP_JSON, "{\"kind\":\"List\",\n\"items\":[\n{\"a\":", "line 3:"},
    {"JSON that goes on", DUMP_JSON, "{}\n{}", "line 2:"},
    {"YAML that is cut off", DUMP_YAML, "apiVersion: v1\nitems:\n- {kind: Pod, metadata: {name: q", "line 4"},
    {"a list that is cut off between two items", DUMP_YAML,
     "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n",
     "document 1: kind: missing behind items: the dump is cut off"},
    {"a list that is cut off in its last word", DUMP_YAML, "apiVersion: v1\nitems: []\nkind: Lis",
     "document 1: kind: \"Lis\": expected List"},
    {"an object without a kind", DUMP_YAML, "replicas: 3\n", "document 1: kind: missing"},
    {"an object without a version", DUMP_YAML, "kind: Pod\n", "document 1: apiVersion: missing"},
    {"a name that YAML does not read as text", DUMP_YAML, "apiVersion: v1\nkind: Node\nmetadata: {name: 12}\n",
     "document 1: metadata.name: 12: expected a string"},
    {"no object", DUMP_YAML, "hello\n", "document 1: \"hello\": expected an object"},
    {"a list that is an array", DUMP_JSON, "[]", "document 1: an array: expected an object"},
    {"an item without a name", DUMP_YAML,
     "kind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- {apiVersion: v1, kind: Pod, metadata: "
     "{}}\n",
     "document 1: items[1]: metadata.name: missing"},
    {"an item that is no object", DUMP_JSON, "{\"kind\":\"List\",\"items\":[7]}",
     "document 1: items[0]: 7: expected an object"},
    {"items that are no array", DUMP_JSON, "{\"kind\":\"List\",\"items\":{}}",
     "document 1: items: an object: expected an array"},
    {"a kind that stands twice", DUMP_JSON, "{\"kind\":\"Pod\",\"kind\":\"List\"}", "document 1: kind: stands twice"},
    {"a bad document behind good ones", DUMP_YAML, "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\nkind: Pod\n",
     "document 2: apiVersion: missing"},
    {"a bomb of aliases", DUMP_YAML,
     "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f "
     "[*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
     "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]\n",
     "line "},
};

static void check_refused(dump_form form, ov_str text, const char *says)
{
    dump d = {0};
    ov_err err = {0};
    CHECK_STATUS(dump_parse(form, text, &d, &err), OV_INVALID, &err);
    if (!CHECK(strstr(err.msg, says) != NULL)) fprintf(stderr, "got: %s\n", err.msg);
    CHECK_INT(d.count, 0);
}

static void test_refused(void)
{
    for (size_t i = 0; i < OV_COUNT(refused); i++) {
        check_case(refused[i].name);
        check_refused(refused[i].form, ov_str_of(refused[i].text), refused[i].says);
    }
    check_case(NULL);
}

static void test_too_deep(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1024 * 1024);
    for (int i = 0; i < 5000; i++) ov_buf_append_char(&text, '[');
    check_refused(DUMP_YAML, ov_buf_str(&text), "line 1");
    check_refused(DUMP_JSON, ov_buf_str(&text), "line 1:");
}

static void test_long_name(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(4096);
    ov_buf_append_c(&text, "apiVersion: v1\nkind: Node\nmetadata: {name: ");
    for (int i = 0; i < 300; i++) ov_buf_append_char(&text, 'x');
    ov_buf_append_c(&text, "}\n");
    check_refused(DUMP_YAML, ov_buf_str(&text), "document 1: metadata.name: longer than 253 bytes");
}

typedef struct {
    const char *version, *kind, *want;
} kind_case;

static const kind_case kinds[] = {
    {"v1", "Pod", "Pods"},
    {"v1", "Node", "Nodes"},
    {"apps/v1", "Deployment", "Deployments"},
    {"apps/v1beta2", "DaemonSet", "DaemonSets"},
    {"apps/v1", "StatefulSet", "StatefulSets"},
    {"apps/v1", "ReplicaSet", "ReplicaSets"},
    {"batch/v1", "CronJob", "CronJobs"},
    {"batch/v1", "Job", "Jobs"},
    {"opvic.skillz.com/v1alpha1", "VersionTracker", CLUSTER_TRACKERS},
    {"vt.skillz.com/v1alpha1", "VersionTracker", CLUSTER_TRACKERS},
    {"example.com/v1", "VersionTracker", "example.com/VersionTracker"},
    {"example.com/v1", "Pod", "example.com/Pod"},
    {"v1", "Deployment", "/Deployment"},
    {"v1", "Pods", "/Pods"},
    {"a/b/v1", "Pod", ""},
    {"example.com/", "Pod", ""},
    {"", "Thing", ""},
    {"v1", "", ""},
    {"v1", "1Thing", ""},
};

static void test_kinds(void)
{
    for (size_t i = 0; i < OV_COUNT(kinds); i++) {
        check_case(kinds[i].kind);
        char room[KIND_TEXT_MAX];
        CHECK_STR(cluster_kind(ov_str_of(kinds[i].version), ov_str_of(kinds[i].kind), room), ov_str_of(kinds[i].want));
    }
    check_case(NULL);
}

int main(void)
{
    test_objects();
    test_refused();
    test_too_deep();
    test_long_name();
    test_kinds();
    return check_end();
}
