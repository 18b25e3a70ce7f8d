/* Kinds: each is found by its name, and its path leads to an image. */
#include "services/collector/extract/jsonpath.h"
#include "services/collector/extract/podtemplate.h"
#include "support/check.h"
#include "base/poison.h"

static const struct {
    const char *name, *object;
} rows[] = {
    {"Pods", "{\"spec\":{\"containers\":[{\"image\":\"a:1\"}]}}"},
    {"Deployments", "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"a:1\"}]}}}}"},
    {"DaemonSets", "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"a:1\"}]}}}}"},
    {"StatefulSets", "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"a:1\"}]}}}}"},
    {"ReplicaSets", "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"a:1\"}]}}}}"},
    {"Jobs", "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"a:1\"}]}}}}"},
    {"CronJobs",
     "{\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"a:1\"}]}}}}}}"},
};

static void check_path(resource_kind kind, const char *object_text)
{
    ov_err err = {0};
    OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
    OV_CLEANUP(jsonpath_free_p) jsonpath *path = NULL;
    OV_CLEANUP(jsonpath_values_clear) jsonpath_values values = {0};
    CHECK_OK(ov_json_tree(ov_str_of(object_text), &object, &err), &err);
    CHECK_OK(jsonpath_compile(ov_str_of(podtemplate_image_path(kind)), &path, &err), &err);
    CHECK_OK(jsonpath_find(path, object, &values, &err), &err);
    CHECK_INT(values.count, 1);
}

int main(void)
{
    resource_kind kind = RESOURCE_PODS;
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].name);
        CHECK(resource_kind_find(ov_str_of(rows[i].name), &kind));
        CHECK_C(resource_kind_name(kind), rows[i].name);
        check_path(kind, rows[i].object);
    }
    check_case("Nodes");
    CHECK(resource_kind_find(OV_STR("Nodes"), &kind));
    CHECK(podtemplate_image_path(kind) == NULL);
    check_case("not a kind");
    CHECK(!resource_kind_find(OV_STR("Pod"), &kind));
    CHECK(!resource_kind_find(OV_STR(""), &kind));
    return check_end();
}
