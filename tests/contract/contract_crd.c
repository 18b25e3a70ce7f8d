/* Holds the CustomResourceDefinition and the agent's role against the collector: the same names, the same limits, the
 * same defaults, in both directions. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "crd_document.h"
#include "proto/source.h"
#include "services/collector/extract/tracker.h"
#include "support/check.h"

#include "base/poison.h"

#define DEFINITION "deploy/helm/opvic/crds/versiontrackers.yaml"
#define ROLE "deploy/helm/opvic/files/agent-clusterrole.yaml"
#define EXPRESSION_PATH "resources.selector.matchExpressions[]"
#define EXPRESSION "{\"key\":\"k\",\"operator\":\"In\",\"values\":[\"v\"]}"

enum { NAMES_MAX = 32, PATH_BYTES = 256, RULES_BYTES_MAX = 1 << 16 };

/* Accepted by the parser; every member that a limit or an enum is about may be put into it. */
static const char spec_base[] = "{\"name\":\"a\",\"resources\":{},\"localVersion\":{\"fieldSelector\":\".a\"},"
                                "\"remoteVersion\":{\"provider\":\"github\",\"strategy\":\"tags\",\"repo\":\"o/n\"}}";
/* For members that others exclude or demand. */
static const char any_kind[] = "{\"name\":\"a\",\"resources\":{\"apiVersion\":\"a/v1\",\"kind\":\"A\"},"
                               "\"localVersion\":{\"strategy\":\"FieldSelection\",\"fieldSelector\":\".a\"}}";
static const char image[] = "{\"name\":\"a\",\"resources\":{},\"localVersion\":{}}";

/* ---- limits: the longest that the definition allows is parsed, one more is not */

#define LABEL_62 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LABEL_63 "a" LABEL_62

typedef struct {
    const char *path, *word;
    const char *begin; /* of a text, which goes on with a's */
    const char *end;   /* of a text */
    const char *item;  /* JSON of each item or value */
    const char *base;  /* instead of spec_base */
} limit;

static const limit limits[] = {
    {"name", "maxLength", .begin = ""},
    {"resources.apiVersion", "maxLength", .begin = "", .end = "/v" LABEL_62, .base = any_kind},
    {"resources.kind", "maxLength", .begin = "A", .base = any_kind},
    {"resources.namespaces", "maxItems", .item = "\"n\""},
    {"resources.namespaces[]", "maxLength", .begin = ""},
    {"resources.selector.matchLabels", "maxProperties", .item = "\"v\""},
    {"resources.selector.matchLabels{}", "maxLength", .begin = ""},
    {"resources.selector.matchExpressions", "maxItems", .item = EXPRESSION},
    {EXPRESSION_PATH ".key", "maxLength", .begin = "", .end = "/" LABEL_63},
    {EXPRESSION_PATH ".values", "maxItems", .item = "\"v\""},
    {EXPRESSION_PATH ".values[]", "maxLength", .begin = ""},
    {"localVersion.fieldSelector", "maxLength", .begin = "."},
    {"localVersion.container", "maxLength", .begin = "", .base = image},
    {"localVersion.extraction.regex.pattern", "maxLength", .begin = ""},
    {"localVersion.extraction.regex.result", "maxLength", .begin = ""},
    {"remoteVersion.repo", "maxLength", .begin = "o/"},
    {"remoteVersion.chart", "maxLength", .begin = ""},
    {"remoteVersion.extraction.regex.pattern", "maxLength", .begin = ""},
    {"remoteVersion.extraction.regex.result", "maxLength", .begin = ""},
    {"remoteVersion.constraint", "maxLength", .begin = ""},
    {"remoteVersion.endOfLife", "maxLength", .begin = ""},
};

static cJSON *text_of(const limit *l, size_t size)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(size + PATH_BYTES);
    ov_str end = ov_str_of(l->end);
    ov_buf_append_c(&text, l->begin);
    while (text.len + end.len < size) ov_buf_append_char(&text, 'a');
    ov_buf_append_str(&text, end);
    OV_CLEANUP(ov_free_p) char *terminated = ov_buf_take(&text, NULL);
    return cJSON_CreateString(terminated);
}

static cJSON *value_of(const limit *l, size_t size)
{
    char name[PATH_BYTES];
    if (!l->item) return text_of(l, size);
    bool array = strcmp(l->word, "maxItems") == 0;
    cJSON *value = array ? cJSON_CreateArray() : cJSON_CreateObject();
    for (size_t i = 0; i < size; i++) {
        snprintf(name, sizeof name, "k%zu", i);
        if (array)
            cJSON_AddItemToArray(value, cJSON_Parse(l->item));
        else
            cJSON_AddItemToObject(value, name, cJSON_Parse(l->item));
    }
    return value;
}

/* Parses a tracker that has value (which it takes) at the path. */
static ov_status parse_with(const char *base, const char *path, cJSON *value, tracker_spec **ret, ov_err *err)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *object = cJSON_CreateObject();
    cJSON *spec = cJSON_Parse(base);
    cJSON_AddItemToObject(object, "spec", spec);
    if (ov_str_starts(ov_str_of(path), OV_STR(EXPRESSION_PATH)))
        value_put(spec, EXPRESSION_PATH, cJSON_Parse(EXPRESSION));
    value_put(spec, path, value);
    return tracker_parse(object, ret, err);
}

static void check_limit(const cJSON *spec_schema, const limit *l)
{
    OV_CLEANUP(tracker_free_p) tracker_spec *parsed = NULL;
    OV_CLEANUP(tracker_free_p) tracker_spec *refused = NULL;
    ov_err err = {0};
    const cJSON *schema = schema_at(spec_schema, l->path);
    const cJSON *max = schema ? ov_json_member(schema, l->word) : NULL;
    if (!CHECK(cJSON_IsNumber(max))) return;
    const char *base = l->base ? l->base : spec_base;
    size_t size = (size_t)max->valueint;
    CHECK_OK(parse_with(base, l->path, value_of(l, size), &parsed, &err), &err);
    CHECK_STATUS(parse_with(base, l->path, value_of(l, size + 1), &refused, &err), OV_INVALID, &err);
}

static bool has_row(const char *path, const char *word)
{
    for (size_t i = 0; i < OV_COUNT(limits); i++)
        if (strcmp(limits[i].path, path) == 0 && strcmp(limits[i].word, word) == 0) return true;
    return false;
}

/* Whatever can grow is bounded in the schema, by a number that a row above compares with the code. */
static void check_bounded(const cJSON *schema, const char *path)
{
    char below[PATH_BYTES];
    ov_str type = ov_json_member_str(schema, "type");
    const cJSON *values = ov_json_member(schema, "additionalProperties"), *items = ov_json_member(schema, "items");
    const char *word = ov_str_eq(type, OV_STR("string")) ? "maxLength"
                       : items                           ? "maxItems"
                       : values                          ? "maxProperties"
                                                         : NULL;
    check_case(path);
    if (word) CHECK(ov_json_member(schema, word) != NULL);
    if (word && !ov_json_member(schema, "enum")) CHECK(has_row(path, word));
    snprintf(below, sizeof below, "%s%s", path, items ? "[]" : "{}");
    if (items || values) check_bounded(items ? items : values, below);
    const cJSON *properties = ov_json_member(schema, "properties");
    for (const cJSON *p = properties ? properties->child : NULL; p; p = p->next) {
        snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", p->string);
        check_bounded(p, below);
    }
}

/* ---- names */

typedef struct {
    const char *name[NAMES_MAX];
    size_t count;
} names;

static void add_name(names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->name[i], name) == 0) return;
    if (CHECK(n->count < NAMES_MAX)) n->name[n->count++] = name;
}

static void add_names(names *n, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count && list[i]; i++) add_name(n, list[i]);
}

/* The texts of a JSON array are exactly the names. */
static void check_same(const cJSON *array, const names *n)
{
    CHECK_INT(cJSON_GetArraySize(array), n->count);
    for (size_t i = 0; i < n->count; i++) {
        bool found = false;
        for (const cJSON *m = array ? array->child : NULL; m; m = m->next)
            found |= strcmp(m->valuestring, n->name[i]) == 0;
        if (!CHECK(found)) fprintf(stderr, "  missing: %s\n", n->name[i]);
    }
}

static void check_enum(const cJSON *spec_schema, const char *path, const names *n, bool parse)
{
    check_case(path);
    const cJSON *schema = schema_at(spec_schema, path), *list = schema ? ov_json_member(schema, "enum") : NULL;
    check_same(list, n);
    for (const cJSON *m = list && parse ? list->child : NULL; m; m = m->next) {
        OV_CLEANUP(tracker_free_p) tracker_spec *t = NULL;
        ov_err err = {0};
        CHECK_OK(parse_with(spec_base, path, cJSON_CreateString(m->valuestring), &t, &err), &err);
    }
}

static void check_enums(const cJSON *spec_schema)
{
    static const char *const operators[] = {"In", "NotIn", "Exists", "DoesNotExist"};
    names kinds = {0}, local = {0}, provider = {0}, remote = {0}, operation = {0};
    for (size_t i = 0; builtin_kind_at(i); i++) add_name(&kinds, builtin_kind_at(i)->all.ptr);
    for (int i = 0; *local_strategy_name((local_strategy)i); i++)
        add_name(&local, local_strategy_name((local_strategy)i));
    add_name(&local, "FieldSelector"); /* the other name of FieldSelection */
    for (size_t i = 0; i < source_provider_count; i++) {
        const source_provider *p = &source_providers[i];
        add_name(&provider, p->name);
        add_names(&provider, p->aliases, OV_COUNT(p->aliases));
        add_names(&remote, p->strategies, OV_COUNT(p->strategies));
    }
    add_names(&operation, operators, OV_COUNT(operators));
    check_enum(spec_schema, "resources.strategy", &kinds, true);
    check_enum(spec_schema, "localVersion.strategy", &local, true);
    check_enum(spec_schema, "remoteVersion.provider", &provider, true);
    check_enum(spec_schema, "remoteVersion.strategy", &remote, true);
    check_enum(spec_schema, EXPRESSION_PATH ".operator", &operation, false);
}

/* A provider's rules name it, its aliases and its strategies, in quotes as CEL has them. */
static void check_provider_rules(const cJSON *spec_schema)
{
    char quoted[PATH_BYTES];
    OV_CLEANUP(ov_buf_clear) ov_buf rules = OV_BUF(RULES_BYTES_MAX);
    const cJSON *schema = schema_at(spec_schema, "remoteVersion");
    const cJSON *list = schema ? ov_json_member(schema, "x-kubernetes-validations") : NULL;
    for (const cJSON *r = list ? list->child : NULL; r; r = r->next)
        ov_buf_append_str(&rules, ov_json_member_str(r, "rule"));
    OV_CLEANUP(ov_free_p) char *text = ov_buf_take(&rules, NULL);
    check_case("remoteVersion's rules");
    for (size_t i = 0; i < source_provider_count; i++) {
        const source_provider *p = &source_providers[i];
        names n = {.name = {p->name}, .count = 1};
        add_names(&n, p->aliases, OV_COUNT(p->aliases));
        add_names(&n, p->strategies, OV_COUNT(p->strategies));
        for (size_t j = 0; j < n.count; j++) {
            snprintf(quoted, sizeof quoted, "'%s'", n.name[j]);
            if (!CHECK(text && strstr(text, quoted))) fprintf(stderr, "  missing: %s\n", quoted);
        }
    }
}

/* The examples of repo that programs show are the ones that the definition shows. */
static void check_examples(const cJSON *spec_schema)
{
    const cJSON *schema = schema_at(spec_schema, "remoteVersion.repo");
    check_case("remoteVersion.repo's description");
    if (!CHECK(schema != NULL)) return;
    OV_CLEANUP(ov_free_p) char *text = ov_dup(ov_json_member_str(schema, "description"));
    for (size_t i = 0; i < source_provider_count; i++) {
        const source_provider *p = &source_providers[i];
        for (size_t j = 0; j < OV_COUNT(p->repo_examples) && p->repo_examples[j]; j++)
            if (!CHECK(strstr(text, p->repo_examples[j]))) fprintf(stderr, "  missing: %s\n", p->repo_examples[j]);
    }
}

/* ---- defaults: what the server fills in is what the parser takes for an absent member */

static void check_defaults(const cJSON *spec_schema)
{
    OV_CLEANUP(tracker_free_p) tracker_spec *t = NULL;
    ov_err err = {0};
    check_case("defaults");
    if (!CHECK_OK(
            parse_with(spec_base, "localVersion.extraction", cJSON_Parse("{\"regex\":{\"pattern\":\"a\"}}"), &t, &err),
            &err))
        return;
    const cJSON *strategy = schema_at(spec_schema, "localVersion.strategy");
    const cJSON *result = schema_at(spec_schema, "localVersion.extraction.regex.result");
    if (!CHECK(strategy && result)) return;
    CHECK_STR(ov_json_member_str(strategy, "default"), ov_str_of(local_strategy_name(t->strategy)));
    CHECK_STR(ov_json_member_str(result, "default"), t->result);
    /* With a default here, apiVersion and kind could not exclude it. */
    CHECK(t->kind.builtin == builtin_kind_at(0));
    CHECK(!ov_json_member(schema_at(spec_schema, "resources.strategy"), "default"));
}

/* ---- the role: exactly what is read and written */

static const cJSON *rule_of(const cJSON *role, const char *resource)
{
    const cJSON *rules = ov_json_member(role, "rules"), *found = NULL;
    for (const cJSON *r = rules ? rules->child : NULL; r; r = r->next) {
        const cJSON *list = ov_json_member(r, "resources");
        for (const cJSON *m = list ? list->child : NULL; m; m = m->next) {
            if (strcmp(m->valuestring, resource) == 0) found = r;
        }
    }
    return found;
}

static void check_right(const cJSON *role, const char *resource, bool writes)
{
    static const names read = {.name = {"get", "list", "watch"}, .count = 3},
                       write = {.name = {"get", "patch", "update"}, .count = 3};
    check_case(resource);
    const cJSON *rule = rule_of(role, resource);
    if (CHECK(rule != NULL)) check_same(ov_json_member(rule, "verbs"), writes ? &write : &read);
}

static void check_role(const cJSON *role)
{
    int count = 0, kinds = 0;
    const cJSON *rules = ov_json_member(role, "rules");
    for (const cJSON *r = rules ? rules->child : NULL; r; r = r->next)
        count += cJSON_GetArraySize(ov_json_member(r, "resources"));
    for (; builtin_kind_at((size_t)kinds); kinds++)
        check_right(role, builtin_kind_at((size_t)kinds)->plural.ptr, false);
    check_right(role, "versiontrackers", false);
    check_right(role, "versiontrackers/status", true);
    check_case(ROLE);
    CHECK_INT(count, kinds + 2);
}

int main(void)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *definition = document_read(DEFINITION);
    OV_CLEANUP(ov_json_tree_p) cJSON *role = document_read(ROLE);
    const cJSON *spec_schema = definition ? document_spec_schema(definition) : NULL;
    if (!CHECK(spec_schema && role)) return check_end();
    for (size_t i = 0; i < OV_COUNT(limits); i++) {
        check_case(limits[i].path);
        check_limit(spec_schema, &limits[i]);
    }
    check_bounded(spec_schema, "");
    check_enums(spec_schema);
    check_provider_rules(spec_schema);
    check_examples(spec_schema);
    check_defaults(spec_schema);
    check_role(role);
    check_case(NULL);
    return check_end();
}
