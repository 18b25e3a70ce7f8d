/* Extraction: which version an object runs, what it was taken from, and each way to have none. */
#include "services/collector/extract/extract.h"
#include "support/check.h"
#include "base/poison.h"

#define DIGEST "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD(image) "{\"spec\":{\"containers\":[{\"image\":\"" image "\"},{\"image\":\"side:9\"}]}}"
#define NAMED                                                                                                        \
    "{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"r/main:1\"}],\"initContainers\":[{\"name\":\"side\"," \
    "\"image\":\"r/side:9\"}]}}"
#define REGEX(pattern, result) "\"extraction\":{\"regex\":{\"pattern\":\"" pattern "\",\"result\":\"" result "\"}}"
#define FIELD(path) "\"strategy\":\"FieldSelection\",\"fieldSelector\":\"" path "\""

static const struct {
    const char *local, *object, *version, *from;
    extract_outcome outcome;
} rows[] = {
    {"", POD("k8s.gcr.io/coredns:1.7.0"), "1.7.0", "k8s.gcr.io/coredns:1.7.0", EXTRACT_FINE},
    {"", POD("host:5000/a:v1" DIGEST), "v1", "host:5000/a:v1" DIGEST, EXTRACT_FINE},
    {"", POD("a" DIGEST), "", "a" DIGEST, EXTRACT_DIGEST_ONLY},
    {"", POD("host:5000/a"), "", "host:5000/a", EXTRACT_NOT_MATCHED},
    {"", POD("not an image"), "", "not an image", EXTRACT_NOT_IMAGE},
    {"", "{\"spec\":{\"containers\":[]}}", "", "", EXTRACT_NOT_FOUND},
    {"", "{}", "", "", EXTRACT_NOT_FOUND},
    {REGEX(".*:(.*)$", "$1"), POD("a" DIGEST), "", "a" DIGEST, EXTRACT_DIGEST_ONLY},
    {REGEX(".*:(.*)$", "v$1"), POD("a:1.2" DIGEST), "v1.2", "a:1.2" DIGEST, EXTRACT_FINE},
    {REGEX(".*:(.*)$", ""), POD("host:5000/a:1.2"), "host:5000/a:1.2", "host:5000/a:1.2", EXTRACT_FINE},
    {REGEX(":v(.*)$", "$1"), POD("a:v1.2" DIGEST), "1.2", "a:v1.2" DIGEST, EXTRACT_FINE},
    {REGEX(":v(.*)$", "$1"), POD("a:1.2"), "", "a:1.2", EXTRACT_NOT_MATCHED},
    {REGEX("v(x*)", "$1"), POD("a:v1"), "", "a:v1", EXTRACT_EMPTY},
    {"\"container\":\"side\"", NAMED, "9", "r/side:9", EXTRACT_FINE},
    {"\"container\":\"side\"," REGEX("r/(.*):.*", "$1"), NAMED, "side", "r/side:9", EXTRACT_FINE},
    {"\"container\":\"x\"", NAMED, "", "", EXTRACT_NOT_FOUND},
    {"\"fieldSelector\":\".l\"," REGEX("chart (.*)", "$1"), "{\"l\":\"My chart 1.0\"}", "1.0", "My chart 1.0",
     EXTRACT_FINE},
    {FIELD(".l"), "{\"l\":\"1.0\"}", "1.0", "1.0", EXTRACT_FINE},
    {FIELD(".l"), "{\"l\":7}", "7", "7", EXTRACT_FINE},
    {FIELD(".l"), "{\"l\":null}", "", "", EXTRACT_NOT_FOUND},
    {FIELD(".l"), "{\"l\":\"\"}", "", "", EXTRACT_EMPTY},
    {FIELD(".l[*]"), "{\"l\":[\"1\",\"2\"]}", "", "", EXTRACT_NOT_ONE},
    {FIELD(".l[*]"), "{\"l\":[]}", "", "", EXTRACT_NOT_ONE},
    {FIELD(".l...*...*...*...*...*...*...*...*...*"), "{\"l\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}", "", "",
     EXTRACT_LIMIT},
    {FIELD(".l") "," REGEX("(a+)+$", "$1"), "{\"l\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}", "",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", EXTRACT_LIMIT},
};

static tracker_spec *parse_of(const char *resources, const char *local)
{
    ov_err err = {0};
    ov_buf json = OV_BUF(4096);
    tracker_spec *t = NULL;
    cJSON *object = NULL;
    ov_buf_printf(&json, "{\"spec\":{\"name\":\"a\",\"resources\":{%s},\"localVersion\":{%s}}}", resources, local);
    CHECK_OK(ov_json_tree(ov_buf_str(&json), &object, &err), &err);
    CHECK_OK(tracker_parse(object, &t, &err), &err);
    ov_json_tree_p(&object);
    ov_buf_clear(&json);
    return t;
}

static tracker_spec *parse(const char *local)
{
    return parse_of("\"selector\":{}", local);
}

/* Of a kind that nobody has heard of the pod's spec is looked for. */
static void check_other_kind(ov_buf *version, ov_buf *from)
{
    check_case("another kind");
    OV_CLEANUP(tracker_free_p) tracker_spec *t = parse_of("\"apiVersion\":\"x.io/v1\",\"kind\":\"Rollout\"", "");
    OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
    ov_err err = {0};
    CHECK_OK(ov_json_tree(OV_STR("{\"spec\":{\"template\":" POD("a:1.2") "}}"), &object, &err), &err);
    if (!t || !object) return;
    CHECK_INT(extract_version(t, object, version, from, &err), EXTRACT_FINE);
    CHECK_STR(ov_buf_str(version), OV_STR("1.2"));
}

static void check_long(ov_buf *version, ov_buf *from)
{
    check_case("a value beyond the maximum");
    OV_CLEANUP(tracker_free_p) tracker_spec *t = parse(FIELD(".l"));
    OV_CLEANUP(ov_json_tree_p) cJSON *object = cJSON_CreateObject();
    char text[EXTRACT_VALUE_MAX + 2];
    ov_err err = {0};
    if (!t) return;
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cJSON_AddStringToObject(object, "l", text);
    CHECK_INT(extract_version(t, object, version, from, &err), EXTRACT_TOO_LONG);
    CHECK_INT(version->len, 0);
}

int main(void)
{
    ov_buf version = OV_BUF(EXTRACT_VERSION_MAX), from = OV_BUF(EXTRACT_VALUE_MAX);
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].object);
        ov_err err = {0};
        OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
        OV_CLEANUP(tracker_free_p) tracker_spec *t = parse(rows[i].local);
        CHECK_OK(ov_json_tree(ov_str_of(rows[i].object), &object, &err), &err);
        if (!t || !object) continue;
        extract_outcome outcome = extract_version(t, object, &version, &from, &err);
        CHECK_C(extract_outcome_name(outcome), extract_outcome_name(rows[i].outcome));
        CHECK_STR(ov_buf_str(&version), ov_str_of(rows[i].version));
        CHECK_STR(ov_buf_str(&from), ov_str_of(rows[i].from));
        CHECK((err.msg[0] != '\0') == (outcome != EXTRACT_FINE));
    }
    check_other_kind(&version, &from);
    check_long(&version, &from);
    ov_buf_clear(&version);
    ov_buf_clear(&from);
    return check_end();
}
