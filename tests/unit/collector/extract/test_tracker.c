/* VersionTrackers: defaults, resolved values, and errors that name the member. */
#include "services/collector/extract/tracker.h"
#include "support/check.h"
#include "base/poison.h"

#define SPEC(members) "{\"spec\":{" members "}}"
#define LOCAL(members) SPEC("\"name\":\"a\",\"resources\":{\"selector\":{}},\"localVersion\":{" members "}")
#define OF_KIND(members) SPEC("\"name\":\"a\",\"resources\":{" members "},\"localVersion\":{}")
#define REMOTE(members) \
    SPEC("\"name\":\"a\",\"resources\":{\"selector\":{}},\"localVersion\":{},\"remoteVersion\":{" members "}")

static const struct {
    const char *json, *kind, *strategy, *field_selector, *pattern, *result;
} resolved[] = {
    {SPEC("\"name\":\"a\",\"resources\":{},\"localVersion\":{}"), "Pods", "ImageTag", ".spec.containers[0].image",
     ".*:(.*)$", "$1"},
    {SPEC("\"name\":\"a\",\"resources\":{\"strategy\":\"CronJobs\"},\"localVersion\":{\"strategy\":\"ImageTag\"}"),
     "CronJobs", "ImageTag", ".spec.jobTemplate.spec.template.spec.containers[0].image", ".*:(.*)$", "$1"},
    {LOCAL("\"fieldSelector\":\".x\",\"extraction\":{\"regex\":{\"pattern\":\"v(.*)\"}}"), "Pods", "ImageTag", ".x",
     "v(.*)", "$1"},
    {LOCAL("\"strategy\":\"FieldSelection\",\"fieldSelector\":\".x\""), "Pods", "FieldSelection", ".x", "", ""},
    {LOCAL("\"strategy\":\"FieldSelector\",\"fieldSelector\":\".x\",\"extraction\":{\"regex\":{\"pattern\":\"a\","
           "\"result\":\"\"}}"),
     "Pods", "FieldSelection", ".x", "a", ""},
    {LOCAL("\"container\":\"app\""), "Pods", "ImageTag", "", ".*:(.*)$", "$1"},
    {OF_KIND("\"apiVersion\":\"apps/v1beta1\",\"kind\":\"Deployment\""), "Deployments", "ImageTag",
     ".spec.template.spec.containers[0].image", ".*:(.*)$", "$1"},
    {OF_KIND("\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"strategy\":\"Deployments\""), "Deployments",
     "ImageTag", ".spec.template.spec.containers[0].image", ".*:(.*)$", "$1"},
    {OF_KIND("\"apiVersion\":\"helm.toolkit.fluxcd.io/v2\",\"kind\":\"HelmRelease\""), "HelmRelease", "ImageTag", "",
     ".*:(.*)$", "$1"},
    {OF_KIND("\"apiVersion\":\"example.com/v1\",\"kind\":\"Deployment\""), "Deployment", "ImageTag", "", ".*:(.*)$",
     "$1"},
};

static const struct {
    const char *json, *says;
} refused[] = {
    {"{}", "spec: missing"},
    {"{\"spec\":[]}", "spec: expected an object"},
    {SPEC("\"resources\":{},\"localVersion\":{}"), "spec.name: missing"},
    {SPEC("\"name\":\"\",\"resources\":{},\"localVersion\":{}"), "spec.name: missing"},
    {SPEC("\"name\":5,\"resources\":{},\"localVersion\":{}"), "spec.name: expected a string"},
    {SPEC("\"name\":\"a\",\"localVersion\":{}"), "spec.resources: missing"},
    {SPEC("\"name\":\"a\",\"resources\":{}"), "spec.localVersion: missing"},
    {SPEC("\"name\":\"a\",\"resources\":{\"strategy\":\"Pod\"},\"localVersion\":{}"),
     "spec.resources.strategy: \"Pod\": expected one of Pods, Nodes, Deployments"},
    {SPEC("\"name\":\"a\",\"resources\":{\"namespaces\":\"x\"},\"localVersion\":{}"),
     "spec.resources.namespaces: expected an array"},
    {SPEC("\"name\":\"a\",\"resources\":{\"namespaces\":[\"x\",\"\"]},\"localVersion\":{}"),
     "spec.resources.namespaces[1]: \"\": expected the name of a namespace"},
    {SPEC("\"name\":\"a\",\"resources\":{\"selector\":{\"matchLabels\":{\"a\":1}}},\"localVersion\":{}"),
     "spec.resources.selector: matchLabels.a: expected a string"},
    {LOCAL("\"strategy\":\"Tag\""), "spec.localVersion.strategy: \"Tag\": expected one of ImageTag, FieldSelection"},
    {LOCAL("\"strategy\":\"FieldSelection\""), "spec.localVersion.fieldSelector: missing"},
    {LOCAL("\"fieldSelector\":\".a[\""), "spec.localVersion.fieldSelector: jsonpath \".a[\": unterminated array"},
    {LOCAL("\"extraction\":{\"regex\":{\"pattern\":\"(\"}}"), "spec.localVersion.extraction.regex.pattern: \"(\": "},
    {LOCAL("\"extraction\":\"x\""), "spec.localVersion.extraction: expected an object"},
    {SPEC("\"name\":\"a\",\"resources\":{\"strategy\":\"Nodes\"},\"localVersion\":{}"),
     "spec.localVersion.fieldSelector: missing: Nodes have no containers"},
    {LOCAL("\"strategy\":\"FieldSelection\",\"fieldSelector\":\".x\",\"container\":\"app\""),
     "spec.localVersion.container: \"app\": expected none unless the strategy is ImageTag"},
    {LOCAL("\"fieldSelector\":\".x\",\"container\":\"app\""),
     "spec.localVersion.container: \"app\": expected none beside spec.localVersion.fieldSelector"},
    {LOCAL("\"container\":7"), "spec.localVersion.container: expected a string"},
    {SPEC("\"name\":\"a\",\"resources\":{\"strategy\":\"Nodes\"},\"localVersion\":{\"container\":\"app\"}"),
     "spec.localVersion.fieldSelector: missing: Nodes have no containers"},
    {OF_KIND("\"apiVersion\":\"v1\""), "spec.resources.kind: missing beside spec.resources.apiVersion"},
    {OF_KIND("\"kind\":\"Pod\""), "spec.resources.apiVersion: missing beside spec.resources.kind"},
    {OF_KIND("\"apiVersion\":\"a/b/c\",\"kind\":\"Pod\""),
     "spec.resources.apiVersion: \"a/b/c\": expected VERSION or GROUP/VERSION"},
    {OF_KIND("\"apiVersion\":\"v1\",\"kind\":\"a b\""),
     "spec.resources.kind: \"a b\": expected a kind, such as HelmRelease"},
    {OF_KIND("\"apiVersion\":\"opvic.skillz.com/v1alpha1\",\"kind\":\"VersionTracker\""),
     "spec.resources.kind: \"VersionTracker\": expected a kind other than the trackers' own"},
    {OF_KIND("\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"strategy\":\"Pods\""),
     "spec.resources.strategy: \"Pods\": expected Deployments or none beside spec.resources.kind: \"Deployment\""},
    {OF_KIND("\"apiVersion\":\"x.io/v1\",\"kind\":\"Thing\",\"strategy\":\"Pods\""),
     "spec.resources.strategy: \"Pods\": expected none beside spec.resources.kind: \"Thing\""},
    {REMOTE("\"provider\":[]"), "spec.remoteVersion.provider: expected a string"},
    {REMOTE("\"endOfLife\":1"), "spec.remoteVersion.endOfLife: expected a string"},
};

static const struct {
    const char *json, *provider, *problem, *note;
    bool has_remote;
} remotes[] = {
    {REMOTE(""), "", "", "", false},
    {REMOTE("\"provider\":\"github\",\"strategy\":\"tags\",\"repo\":\"a/b\",\"constraint\":\"~>3.0\""), "github", "",
     "", true},
    {REMOTE("\"provider\":\"helm-repo\",\"strategy\":\"chartVersion\",\"repo\":\"https://x.io\",\"chart\":\"c\""),
     "helm", "", "", true},
    {REMOTE("\"provider\":\"github\",\"strategy\":\"tags\",\"repo\":\"a/b\",\"constraint\":\"~>3\""), "github", "",
     "spec.remoteVersion.constraint: ~>3 excludes no higher major: write ~>3.0", true},
    {REMOTE("\"provider\":\"github\",\"strategy\":\"tags\",\"repo\":\"a/b\",\"constraint\":\"^1\""), "github",
     "spec.remoteVersion.constraint: constraint \"^1\"", "", true},
    {REMOTE("\"provider\":\"github\",\"strategy\":\"tags\",\"repo\":\"a/b\",\"extraction\":{\"regex\":{\"pattern\":"
            "\"(\"}}"),
     "github", "spec.remoteVersion.extraction.regex.pattern: \"(\": ", "", true},
    {REMOTE("\"provider\":\"github\",\"strategy\":\"tags\",\"repo\":\"a/"
            "b\",\"endOfLife\":\"nginx\",\"constraint\":\"~>3\""),
     "github", "", "spec.remoteVersion.constraint: ~>3 excludes no higher major: write ~>3.0", true},
    {REMOTE("\"provider\":\"github\",\"strategy\":\"tags\",\"repo\":\"a/b\",\"endOfLife\":\"a b\""), "github",
     "spec.remoteVersion.endOfLife: \"a b\": expected a product of endoflife.date, such as nginx", "", true},
    {REMOTE("\"provider\":\"endoflife\",\"strategy\":\"cycles\",\"repo\":\"nginx\",\"endOfLife\":\"a/b\""), "endoflife",
     "spec.remoteVersion.endOfLife: \"a/b\": expected a product of endoflife.date, such as nginx", "", true},
    {REMOTE("\"endOfLife\":\"nginx\""), "", "spec.remoteVersion.endOfLife: expected a provider beside it", "", false},
    {REMOTE("\"provider\":\"nope\",\"strategy\":\"tags\",\"repo\":\"a/b\""), "nope",
     "spec.remoteVersion.provider: \"nope\"", "", true},
};

static tracker_spec *parse(const char *json, ov_status want, ov_err *err)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
    tracker_spec *t = NULL;
    CHECK_OK(ov_json_tree(ov_str_of(json), &object, err), err);
    CHECK_STATUS(tracker_parse(object, &t, err), want, err);
    return t;
}

static void test_resolved(void)
{
    for (size_t i = 0; i < OV_COUNT(resolved); i++) {
        check_case(resolved[i].json);
        ov_err err = {0};
        OV_CLEANUP(tracker_free_p) tracker_spec *t = parse(resolved[i].json, OV_OK, &err);
        if (!t) continue;
        CHECK_STR(tracker_kind_shown(&t->kind), ov_str_of(resolved[i].kind));
        CHECK_C(local_strategy_name(t->strategy), resolved[i].strategy);
        CHECK_STR(t->field_selector, ov_str_of(resolved[i].field_selector));
        CHECK_STR(t->pattern, ov_str_of(resolved[i].pattern));
        CHECK_STR(t->result, ov_str_of(resolved[i].result));
        CHECK_STR(t->name, OV_STR("a"));
    }
}

static void test_refused(void)
{
    for (size_t i = 0; i < OV_COUNT(refused); i++) {
        check_case(refused[i].json);
        ov_err err = {0};
        CHECK(parse(refused[i].json, OV_INVALID, &err) == NULL);
        if (!CHECK(strstr(err.msg, refused[i].says) == err.msg)) CHECK_C(err.msg, refused[i].says);
    }
}

static void test_remotes(void)
{
    for (size_t i = 0; i < OV_COUNT(remotes); i++) {
        check_case(remotes[i].json);
        ov_err err = {0};
        OV_CLEANUP(tracker_free_p) tracker_spec *t = parse(remotes[i].json, OV_OK, &err);
        if (!t) continue;
        CHECK_INT(t->has_remote, remotes[i].has_remote);
        CHECK_STR(t->remote.provider, ov_str_of(remotes[i].provider));
        CHECK_C(t->remote_note.msg, remotes[i].note);
        bool as_said = remotes[i].problem[0]
                           ? strstr(t->remote_problem.msg, remotes[i].problem) == t->remote_problem.msg
                           : t->remote_problem.msg[0] == '\0';
        if (!CHECK(as_said)) CHECK_C(t->remote_problem.msg, remotes[i].problem);
    }
}

static const struct {
    const char *object;
    bool matches;
} objects[] = {
    {"{\"metadata\":{\"namespace\":\"b\",\"labels\":{\"app\":\"x\"}}}", true},
    {"{\"metadata\":{\"namespace\":\"a\",\"labels\":{\"app\":\"x\"}}}", true},
    {"{\"metadata\":{\"namespace\":\"c\",\"labels\":{\"app\":\"x\"}}}", false},
    {"{\"metadata\":{\"namespace\":\"a\",\"labels\":{\"app\":\"y\"}}}", false},
    {"{\"metadata\":{\"namespace\":\"a\"}}", false},
    {"{}", false},
};

static void test_matches(void)
{
    ov_err err = {0};
    check_case("namespaces");
    OV_CLEANUP(tracker_free_p)
    tracker_spec *t =
        parse(SPEC("\"name\":\"a\",\"resources\":{\"namespaces\":[\"b\",\"a\",\"b\"],\"selector\":{\"matchLabels\":{"
                   "\"app\":\"x\"}}},\"localVersion\":{}"),
              OV_OK, &err);
    if (!t) return;
    CHECK_INT(t->namespace_count, 2);
    CHECK_STR(t->namespaces[0], OV_STR("a"));
    for (size_t i = 0; i < OV_COUNT(objects); i++) {
        check_case(objects[i].object);
        OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
        CHECK_OK(ov_json_tree(ov_str_of(objects[i].object), &object, &err), &err);
        CHECK_INT(tracker_matches(t, object), objects[i].matches);
    }
}

int main(void)
{
    test_resolved();
    test_refused();
    test_remotes();
    test_matches();
    return check_end();
}
