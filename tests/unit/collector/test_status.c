/* A status that does not fit lists fewer versions, and two that say the same are equal. */
#include "services/collector/status.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "services/collector/tracked.h"
#include "support/check.h"
#include "base/poison.h"

enum { OBJECTS = 2000, TAG_BYTES = 120 };

static const struct {
    const char *a, *b;
    bool same;
} pairs[] = {
    {"{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1}", true},
    {"{\"a\":1,\"b\":null}", "{\"a\":1}", true},
    {"{\"c\":[{\"lastTransitionTime\":\"x\",\"m\":1}]}", "{\"c\":[{\"m\":1,\"lastTransitionTime\":\"y\"}]}", true},
    {"{\"a\":[1,2]}", "{\"a\":[2,1]}", false},
    {"{\"a\":1}", "{\"b\":1}", false},
    {"{\"a\":1}", "{\"a\":2}", false},
    {"{\"a\":1}", "{\"a\":\"1\"}", false},
    {"{\"a\":[]}", "{}", false},
    {"{\"a\":{\"b\":1},\"c\":2}", "{\"a\":{\"c\":2},\"b\":1}", false},
};

static uint64_t hash_of(const char *json)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    ov_err err = {0};
    CHECK_OK(ov_json_tree(ov_str_of(json), &tree, &err), &err);
    return status_hash(tree);
}

static void test_hash(void)
{
    for (size_t i = 0; i < OV_COUNT(pairs); i++) {
        check_case(pairs[i].a);
        CHECK_INT(hash_of(pairs[i].a) == hash_of(pairs[i].b), pairs[i].same);
    }
    check_case(NULL);
    CHECK(status_hash(NULL) == 0);
}

static tracked *make_tracked(texts *t, tracked_group *group)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    ov_err err = {0};
    CHECK_OK(
        ov_json_tree(
            OV_STR(
                "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"name\":\"web\",\"resources\":{},\"localVersion\":{}}}"),
            &tree, &err),
        &err);
    tracked *k =
        tracked_new(&(cluster_event){.type = CLUSTER_OBJECT, .ns = OV_STR("d"), .name = OV_STR("web"), .object = tree},
                    OV_STR("d/web"));
    k->group = group;
    for (int i = 0; i < OBJECTS; i++) {
        char name[32], version[TAG_BYTES + 16], from[2 * TAG_BYTES];
        snprintf(name, sizeof name, "d/p%d", i);
        snprintf(version, sizeof version, "1.%d.0-%0*d", i, TAG_BYTES, i);
        snprintf(from, sizeof from, "registry.test/app:%s", version);
        uint32_t object = texts_add(t, ov_str_of(name));
        (void)observed_set(&k->seen, t, object, 0, 0, ov_str_of(version), ov_str_of(from), NULL);
        texts_drop(t, object);
    }
    return k;
}

/* How many versions a status of at most max bytes lists; its message says the same. */
static int listed(const tracked *k, const texts *t, size_t max)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(max);
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    char expected[96];
    ov_err err = {0};
    tracked_render_status(k, t, (ov_wall){1767323045678}, &body);
    if (!CHECK_OK(ov_json_tree(ov_buf_str(&body), &tree, &err), &err)) return -1;
    const cJSON *status = ov_json_member(tree, "status");
    int count = cJSON_GetArraySize(ov_json_member(status, "versions"));
    CHECK_INT(cJSON_GetArraySize(ov_json_member(status, "uniqVersions")), count);
    snprintf(expected, sizeof expected, "%d versions run; the first %d are listed here", OBJECTS, count);
    CHECK_STR(ov_json_member_str(cJSON_GetArrayItem(ov_json_member(status, "conditions"), 0), "message"),
              ov_str_of(expected));
    return count;
}

static void test_size(void)
{
    texts t = {0};
    tracked_group group = {0};
    tracked *k = make_tracked(&t, &group);
    CHECK_INT(listed(k, &t, 4 * STATUS_BYTES_MAX), STATUS_VERSIONS_MAX);
    CHECK_INT(listed(k, &t, STATUS_BYTES_MAX / 2), STATUS_VERSIONS_MAX / 2);
    CHECK_INT(listed(k, &t, 2048), 1);
    CHECK_INT(listed(k, &t, 1024), 0);
    tracked_free(k, &t);
    texts_clear(&t);
}

int main(void)
{
    test_hash();
    test_size();
    return check_end();
}
