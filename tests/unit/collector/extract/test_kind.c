/* Kinds: each of the eight is found by its name and by its group and kind, and its path leads to an image. */
#include "services/collector/extract/kind.h"

#include "services/collector/extract/podtemplate.h"
#include "support/check.h"
#include "base/poison.h"

#define CONTAINERS "{\"containers\":[{\"image\":\"a:1\"}]}"
#define TEMPLATE "{\"spec\":{\"template\":{\"spec\":" CONTAINERS "}}}"

static const struct {
    const char *all, *api_version, *kind, *plural;
    bool namespaced;
    const char *object;
} rows[] = {
    {"Pods", "v1", "Pod", "pods", true, "{\"spec\":" CONTAINERS "}"},
    {"Nodes", "v1", "Node", "nodes", false, NULL},
    {"Deployments", "apps/v1", "Deployment", "deployments", true, TEMPLATE},
    {"DaemonSets", "apps/v1", "DaemonSet", "daemonsets", true, TEMPLATE},
    {"StatefulSets", "apps/v1", "StatefulSet", "statefulsets", true, TEMPLATE},
    {"ReplicaSets", "apps/v1", "ReplicaSet", "replicasets", true, TEMPLATE},
    {"CronJobs", "batch/v1", "CronJob", "cronjobs", true, "{\"spec\":{\"jobTemplate\":" TEMPLATE "}}"},
    {"Jobs", "batch/v1", "Job", "jobs", true, TEMPLATE},
};

static void check_image(const builtin_kind *b, const char *object_text)
{
    ov_err err = {0};
    ov_str image = {0};
    OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
    CHECK_OK(ov_json_tree(ov_str_of(object_text), &object, &err), &err);
    CHECK_OK(podtemplate_image(b->pod, object, OV_STR(""), &image, &err), &err);
    CHECK_STR(image, OV_STR("a:1"));
}

int main(void)
{
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].all);
        const builtin_kind *b = builtin_kind_find(ov_str_of(rows[i].all));
        if (!CHECK(b && b == builtin_kind_at(i))) continue;
        CHECK(builtin_kind_of(ov_str_of(rows[i].api_version), ov_str_of(rows[i].kind)) == b);
        CHECK_STR(b->api_version, ov_str_of(rows[i].api_version));
        CHECK_STR(b->plural, ov_str_of(rows[i].plural));
        CHECK_INT(b->namespaced, rows[i].namespaced);
        if (rows[i].object) check_image(b, rows[i].object);
        CHECK_INT(!b->pod, !rows[i].object);
    }
    check_case("not a kind");
    CHECK(!builtin_kind_at(OV_COUNT(rows)));
    CHECK(!builtin_kind_find(OV_STR("Pod")));
    CHECK(!builtin_kind_find(OV_STR("")));
    CHECK(!builtin_kind_of(OV_STR("example.com/v1"), OV_STR("Pod")));
    return check_end();
}
