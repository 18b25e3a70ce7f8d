/* The reports on standard output: one line each, sorted, the conditions apart. */
#include "services/collector/print.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

static void give(tracking *t, const char *name, const char *json)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    ov_err err = {0};
    CHECK_OK(ov_json_tree(ov_str_of(json), &tree, &err), &err);
    tracking_on_event(t, &(cluster_event){.type = CLUSTER_OBJECT,
                                          .kind = OV_STR(CLUSTER_TRACKERS),
                                          .ns = OV_STR("d"),
                                          .name = ov_str_of(name),
                                          .object = tree});
}

static void test_nothing(void)
{
    char *problems = NULL;
    size_t len;
    ov_err err = {0};
    tracking *t = tracking_new(OV_STR("x"), (ov_str){0});
    FILE *quiet = fopen("/dev/null", "w"), *p = open_memstream(&problems, &len);
    CHECK_OK(print_reports(t, quiet, p, &err), &err);
    fclose(quiet);
    fclose(p);
    CHECK_STR(((ov_str){problems, len}), OV_STR("no VersionTrackers in the cluster: nothing to report\n"));
    tracking_free(t);
    free(problems);
}

int main(void)
{
    test_nothing();
    char *out = NULL, *problems = NULL;
    size_t out_len, problems_len;
    ov_err err = {0};
    ov_log_setup("test", OV_LOG_ERROR + 1, OV_LOG_LOGFMT);
    tracking *t = tracking_new(OV_STR("x"), (ov_str){0});
    give(t, "2", "{\"spec\":{\"name\":\"b\"}}");
    give(t, "1", "{\"spec\":{\"name\":\"a\",\"resources\":{},\"localVersion\":{}}}");
    FILE *o = open_memstream(&out, &out_len), *p = open_memstream(&problems, &problems_len);
    CHECK_OK(print_reports(t, o, p, &err), &err);
    fclose(o);
    fclose(p);
    ov_str text = {out, out_len}, line;
    CHECK(ov_str_split(&text, '\n', &line) && strstr(line.ptr, "\"id\":\"a\""));
    CHECK(ov_str_split(&text, '\n', &line) && strstr(line.ptr, "\"id\":\"b\""));
    CHECK_INT(text.len, 0);
    CHECK_STR(((ov_str){problems, problems_len}),
              OV_STR("tracker a: NothingMatched: no Pods match the selector and namespaces\n"
                     "tracker b: InvalidSpec: spec.resources: missing\n"));
    FILE *full = fopen("/dev/full", "w");
    give(t, "3", "{\"spec\":{\"name\":\"c\"}}");
    FILE *quiet = fopen("/dev/null", "w");
    CHECK_STATUS(print_reports(t, full, quiet, &err), OV_FAILED, &err);
    fclose(full);
    fclose(quiet);
    tracking_free(t);
    free(out);
    free(problems);
    return check_end();
}
