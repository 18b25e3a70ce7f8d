/* Parses a VersionTracker: where each member stands, what it may hold, what it means when it is absent. */
#include "tracker.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/source.h"
#include "version/constraint.h"
#include "base/poison.h"

enum { VALUE_SHOWN_MAX = 100, PATH_TEXT_MAX = 96, WHY_TEXT_MAX = 192 };

static const char default_result[] = "$1", tag_pattern[] = ".*:(.*)$";

static const char path_strategy[] = "spec.resources.strategy", path_api_version[] = "spec.resources.apiVersion",
                  path_kind[] = "spec.resources.kind", path_field[] = "spec.localVersion.fieldSelector",
                  path_container[] = "spec.localVersion.container";

static const struct {
    const char *name;
    local_strategy strategy;
} strategies[] = {
    {"ImageTag", LOCAL_IMAGE_TAG}, {"FieldSelection", LOCAL_FIELD_SELECTION}, {"FieldSelector", LOCAL_FIELD_SELECTION}};

const char *local_strategy_name(local_strategy strategy)
{
    for (size_t i = 0; i < OV_COUNT(strategies); i++)
        if (strategies[i].strategy == strategy) return strategies[i].name;
    return "";
}

/* Each text as large as it is: a thousand trackers stay in memory for years. */
struct tracker_text {
    tracker_text *next;
    char bytes[];
};

static ov_str keep_text(tracker_spec *t, ov_str s)
{
    if (s.len == 0) return OV_STR("");
    tracker_text *kept = ov_alloc(sizeof *kept + s.len);
    memcpy(kept->bytes, s.ptr, s.len);
    kept->next = t->texts;
    t->texts = kept;
    return (ov_str){kept->bytes, s.len};
}

/* "path: \"value\": why", the value cut to what fits a line. */
static ov_status refuse(ov_err *err, const char *path, ov_str value, const char *why)
{
    int shown = value.len < VALUE_SHOWN_MAX ? (int)value.len : VALUE_SHOWN_MAX;
    return ov_fail(err, OV_INVALID, "%s: \"%.*s\"%s: %s", path, shown, value.ptr ? value.ptr : "",
                   value.len > VALUE_SHOWN_MAX ? "..." : "", why);
}

/* The member that the path's last part names; NULL when absent or null. */
static const cJSON *member_at(const cJSON *parent, const char *path)
{
    const char *dot = strrchr(path, '.');
    const cJSON *m = parent ? ov_json_member(parent, dot ? dot + 1 : path) : NULL;
    return m && !cJSON_IsNull(m) ? m : NULL;
}

static ov_status object_at(const cJSON *parent, const char *path, bool required, const cJSON **ret, ov_err *err)
{
    const cJSON *m = member_at(parent, path);
    if (!m && required) return ov_fail(err, OV_INVALID, "%s: missing", path);
    if (m && !cJSON_IsObject(m)) return ov_fail(err, OV_INVALID, "%s: expected an object", path);
    *ret = m;
    return OV_OK;
}

/* A copy of the text; *ret_text stays as it is when there is none. */
static ov_status text_at(tracker_spec *t, const cJSON *parent, const char *path, size_t max, ov_str *ret_text,
                         ov_err *err)
{
    char why[48];
    const cJSON *m = member_at(parent, path);
    if (!m) return OV_OK;
    if (!cJSON_IsString(m)) return ov_fail(err, OV_INVALID, "%s: expected a string", path);
    ov_str text = ov_str_of(m->valuestring);
    snprintf(why, sizeof why, "longer than %zu bytes", max);
    if (text.len > max) return refuse(err, path, text, why);
    *ret_text = keep_text(t, text);
    return OV_OK;
}

static ov_status refuse_strategy(ov_err *err, ov_str value)
{
    char why[WHY_TEXT_MAX] = "expected one of ";
    size_t len = strlen(why);
    const builtin_kind *b;
    for (size_t i = 0; (b = builtin_kind_at(i)); i++)
        len += (size_t)snprintf(why + len, sizeof why - len, "%s%.*s", i > 0 ? ", " : "", OV_STR_ARG(b->all));
    return refuse(err, path_strategy, value, why);
}

static ov_status use_builtin(tracker_spec *t, const builtin_kind *b)
{
    t->kind = (tracker_kind){b->all, b->api_version, b->kind, b};
    return OV_OK;
}

static ov_status refuse_both(const tracker_kind *k, ov_str strategy, ov_err *err)
{
    char why[WHY_TEXT_MAX];
    snprintf(why, sizeof why, "expected %.*s%sbeside spec.resources.kind: \"%.*s\"",
             OV_STR_ARG(k->builtin ? k->all : OV_STR("none")), k->builtin ? " or none " : " ", OV_STR_ARG(k->kind));
    return refuse(err, path_strategy, strategy, why);
}

/* A built-in kind is the same whether it is named by strategy or by apiVersion and kind, and whatever the version. */
static ov_status parse_named_kind(tracker_spec *t, tracker_kind named, ov_str strategy, ov_err *err)
{
    char room[KIND_TEXT_MAX];
    if (!kind_is_api_version(named.api_version))
        return refuse(err, path_api_version, named.api_version, "expected VERSION or GROUP/VERSION");
    if (!kind_is_name(named.kind)) return refuse(err, path_kind, named.kind, "expected a kind, such as HelmRelease");
    if (kind_is_tracker(named.api_version, named.kind))
        return refuse(err, path_kind, named.kind, "expected a kind other than the trackers' own");
    named.builtin = builtin_kind_of(named.api_version, named.kind);
    if (named.builtin)
        (void)use_builtin(t, named.builtin);
    else
        t->kind = named;
    if (strategy.len > 0 && !(named.builtin && ov_str_eq(strategy, named.builtin->all)))
        return refuse_both(&t->kind, strategy, err);
    if (!named.builtin) t->kind.all = keep_text(t, kind_all(named.api_version, named.kind, room));
    return OV_OK;
}

static ov_status parse_kind(tracker_spec *t, const cJSON *resources, ov_err *err)
{
    ov_str strategy = {0};
    tracker_kind named = {0};
    ov_status s = text_at(t, resources, path_strategy, TRACKER_NAME_MAX, &strategy, err);
    if (s == OV_OK) s = text_at(t, resources, path_api_version, TRACKER_NAME_MAX, &named.api_version, err);
    if (s == OV_OK) s = text_at(t, resources, path_kind, TRACKER_NAME_MAX, &named.kind, err);
    if (s != OV_OK) return s;
    if (named.api_version.len > 0 && named.kind.len > 0) return parse_named_kind(t, named, strategy, err);
    if (named.api_version.len > 0)
        return ov_fail(err, OV_INVALID, "%s: missing beside %s", path_kind, path_api_version);
    if (named.kind.len > 0) return ov_fail(err, OV_INVALID, "%s: missing beside %s", path_api_version, path_kind);
    const builtin_kind *b = strategy.len > 0 ? builtin_kind_find(strategy) : builtin_kind_at(0);
    return b ? use_builtin(t, b) : refuse_strategy(err, strategy);
}

/* Keeps the list sorted and each name once, so that no object is counted twice. */
static void add_namespace(tracker_spec *t, ov_str name)
{
    size_t at = t->namespace_count;
    while (at > 0 && ov_str_cmp(t->namespaces[at - 1], name) > 0) at--;
    if (at > 0 && ov_str_eq(t->namespaces[at - 1], name)) return;
    for (size_t i = t->namespace_count++; i > at; i--) t->namespaces[i] = t->namespaces[i - 1];
    t->namespaces[at] = keep_text(t, name);
}

static ov_status parse_namespaces(tracker_spec *t, const cJSON *resources, ov_err *err)
{
    static const char path[] = "spec.resources.namespaces";
    char place[PATH_TEXT_MAX];
    const cJSON *list = member_at(resources, path);
    if (!list) return OV_OK;
    if (!cJSON_IsArray(list)) return ov_fail(err, OV_INVALID, "%s: expected an array", path);
    int count = cJSON_GetArraySize(list), i = 0;
    if (count > TRACKER_NAMESPACES_MAX)
        return ov_fail(err, OV_INVALID, "%s: more than %d namespaces", path, TRACKER_NAMESPACES_MAX);
    t->namespaces = ov_calloc((size_t)count, sizeof *t->namespaces);
    for (const cJSON *m = list->child; m; m = m->next) {
        snprintf(place, sizeof place, "%s[%d]", path, i++);
        ov_str name = cJSON_IsString(m) ? ov_str_of(m->valuestring) : (ov_str){0};
        if (name.len == 0 || name.len > TRACKER_NAMESPACE_MAX)
            return refuse(err, place, name, "expected the name of a namespace");
        add_namespace(t, name);
    }
    return OV_OK;
}

static ov_status parse_resources(tracker_spec *t, const cJSON *spec, ov_err *err)
{
    const cJSON *resources = NULL;
    ov_status s = object_at(spec, "spec.resources", true, &resources, err);
    if (s == OV_OK) s = parse_kind(t, resources, err);
    if (s == OV_OK) s = parse_namespaces(t, resources, err);
    if (s != OV_OK) return s;
    s = selector_parse(member_at(resources, "spec.resources.selector"), &t->selector, err);
    return s == OV_OK ? s : ov_fail_in(err, s, "spec.resources.selector");
}

/* extraction{regex{pattern,result}} below path; the result's default counts only where there is a regex. */
static ov_status parse_extraction(tracker_spec *t, const cJSON *parent, const char *path, ov_str *ret_pattern,
                                  ov_str *ret_result, ov_err *err)
{
    char place[PATH_TEXT_MAX];
    const cJSON *extraction = NULL, *regex = NULL;
    snprintf(place, sizeof place, "%s.extraction", path);
    ov_status s = object_at(parent, place, false, &extraction, err);
    snprintf(place, sizeof place, "%s.extraction.regex", path);
    if (s == OV_OK) s = object_at(extraction, place, false, &regex, err);
    if (s != OV_OK || !regex) return s;
    *ret_result = OV_STR("$1");
    snprintf(place, sizeof place, "%s.extraction.regex.pattern", path);
    s = text_at(t, regex, place, OV_REGEX_PATTERN_MAX, ret_pattern, err);
    snprintf(place, sizeof place, "%s.extraction.regex.result", path);
    return s == OV_OK ? text_at(t, regex, place, TRACKER_RESULT_MAX, ret_result, err) : s;
}

/* The library's message names the pattern already: "regex \"(\": missing closing )". */
static ov_status compile_extraction(const char *path, ov_str pattern, ov_str result, ov_extraction *ret, ov_err *err)
{
    static const char said[] = "regex ";
    ov_err why = {0};
    ov_status s = ov_extraction_init(ret, pattern, result, &why);
    if (s == OV_OK) return s;
    const char *msg = strncmp(why.msg, said, sizeof said - 1) == 0 ? why.msg + sizeof said - 1 : why.msg;
    return ov_fail(err, s, "%s.extraction.regex.pattern: %s", path, msg);
}

static ov_status parse_strategy(tracker_spec *t, const cJSON *local, ov_err *err)
{
    static const char path[] = "spec.localVersion.strategy";
    ov_str name = {0};
    ov_status s = text_at(t, local, path, TRACKER_NAME_MAX, &name, err);
    if (s != OV_OK || name.len == 0) return s;
    for (size_t i = 0; i < OV_COUNT(strategies); i++) {
        if (!ov_str_eq(name, ov_str_of(strategies[i].name))) continue;
        t->strategy = strategies[i].strategy;
        return OV_OK;
    }
    return refuse(err, path, name, "expected one of ImageTag, FieldSelection");
}

/* Where no field is named: the first container's image at a known place, or left empty to be looked for. */
static ov_status default_field(tracker_spec *t, ov_err *err)
{
    char text[PATH_TEXT_MAX];
    const builtin_kind *b = t->kind.builtin;
    if (t->strategy != LOCAL_IMAGE_TAG)
        return ov_fail(err, OV_INVALID, "%s: missing: expected a JSONPath with FieldSelection", path_field);
    if (b && !b->pod)
        return ov_fail(err, OV_INVALID, "%s: missing: %.*s have no containers whose image could be read", path_field,
                       OV_STR_ARG(b->all));
    if (!b || t->container.len > 0) return OV_OK;
    snprintf(text, sizeof text, "%s.containers[0].image", b->pod);
    t->field_selector = keep_text(t, ov_str_of(text));
    return OV_OK;
}

static ov_status parse_field_selector(tracker_spec *t, const cJSON *local, ov_err *err)
{
    ov_status s = text_at(t, local, path_field, JSONPATH_TEXT_MAX, &t->field_selector, err);
    if (s == OV_OK) s = text_at(t, local, path_container, TRACKER_CONTAINER_MAX, &t->container, err);
    if (s != OV_OK) return s;
    if (t->container.len > 0 && t->strategy != LOCAL_IMAGE_TAG)
        return refuse(err, path_container, t->container, "expected none unless the strategy is ImageTag");
    if (t->container.len > 0 && t->field_selector.len > 0)
        return refuse(err, path_container, t->container, "expected none beside spec.localVersion.fieldSelector");
    if (t->field_selector.len == 0) s = default_field(t, err);
    if (s != OV_OK || t->field_selector.len == 0) return s;
    s = jsonpath_compile(t->field_selector, &t->path, err);
    return s == OV_OK ? s : ov_fail_in(err, s, path_field);
}

static ov_status parse_local(tracker_spec *t, const cJSON *spec, ov_err *err)
{
    static const char path[] = "spec.localVersion";
    const cJSON *local = NULL;
    ov_status s = object_at(spec, path, true, &local, err);
    if (s == OV_OK) s = parse_strategy(t, local, err);
    if (s == OV_OK) s = parse_field_selector(t, local, err);
    if (s == OV_OK) s = parse_extraction(t, local, path, &t->pattern, &t->result, err);
    if (s != OV_OK) return s;
    if (t->strategy == LOCAL_IMAGE_TAG && t->pattern.len == 0) {
        t->pattern = ov_str_of(tag_pattern);
        if (t->result.len == 0) t->result = ov_str_of(default_result);
    }
    t->tag_pattern = t->strategy == LOCAL_IMAGE_TAG && ov_str_eq(t->pattern, ov_str_of(tag_pattern));
    t->tag_alone = t->tag_pattern && ov_str_eq(t->result, ov_str_of(default_result));
    return t->tag_alone ? OV_OK : compile_extraction(path, t->pattern, t->result, &t->extraction, err);
}

static bool check_product(tracker_spec *t)
{
    OV_CLEANUP(source_clear) source resolved = {0};
    ov_err why = {0};
    ov_status s = source_of_end_of_life(&t->remote, &resolved, &why);
    if (s != OV_INVALID) return true;
    ov_fail(&t->remote_problem, s, "spec.%s", why.msg);
    return false;
}

/* What the control plane would refuse is known here already, and said where the user looks. */
static void check_remote(tracker_spec *t)
{
    static const char path[] = "spec.remoteVersion";
    source resolved = {0};
    ov_extraction extraction = {0};
    OV_CLEANUP(ov_constraint_free_p) ov_constraint *constraint = NULL;
    ov_err why = {0};
    ov_status s = source_resolve(&t->remote, &resolved, &why);
    if (s != OV_OK) {
        ov_fail(&t->remote_problem, s, "spec.%s", why.msg);
    } else {
        source_clear(&resolved);
        s = compile_extraction(path, t->remote.pattern, t->remote.result, &extraction, &t->remote_problem);
        ov_extraction_clear(&extraction);
    }
    if (s != OV_OK || !check_product(t) || t->remote.constraint.len == 0) return;
    s = ov_constraint_parse(t->remote.constraint, &constraint, &t->remote_problem);
    if (s != OV_OK) {
        ov_fail_in(&t->remote_problem, s, "spec.remoteVersion.constraint");
        return;
    }
    char hint[OV_CONSTRAINT_HINT];
    if (ov_constraint_hint(constraint, hint)) ov_fail(&t->remote_note, OV_OK, "%s.constraint: %s", path, hint);
}

static ov_status parse_remote_texts(tracker_spec *t, const cJSON *remote, ov_err *err)
{
    const struct {
        const char *path;
        ov_str *text;
    } texts[] = {
        {"spec.remoteVersion.provider", &t->remote.provider},
        {"spec.remoteVersion.strategy", &t->remote.strategy},
        {"spec.remoteVersion.repo", &t->remote.repo},
        {"spec.remoteVersion.chart", &t->remote.chart},
        {"spec.remoteVersion.constraint", &t->remote.constraint},
        {"spec.remoteVersion.endOfLife", &t->remote.end_of_life},
    };
    for (size_t i = 0; i < OV_COUNT(texts); i++) {
        ov_status s = text_at(t, remote, texts[i].path, TRACKER_REMOTE_MAX, texts[i].text, err);
        if (s != OV_OK) return s;
    }
    return parse_extraction(t, remote, "spec.remoteVersion", &t->remote.pattern, &t->remote.result, err);
}

static ov_status parse_remote(tracker_spec *t, const cJSON *spec, ov_err *err)
{
    const cJSON *remote = NULL;
    ov_status s = object_at(spec, "spec.remoteVersion", false, &remote, err);
    if (s == OV_OK && remote) s = parse_remote_texts(t, remote, err);
    if (s != OV_OK) return s;
    t->has_remote = t->remote.provider.len > 0 || t->remote.repo.len > 0;
    if (!t->has_remote && t->remote.end_of_life.len)
        ov_fail(
            &t->remote_problem, OV_INVALID,
            "spec.remoteVersion.endOfLife: expected a provider beside it; for the ends alone that is endoflife, with "
            "the product as repo");
    if (!t->has_remote) return OV_OK;
    const source_provider *provider = source_provider_find(t->remote.provider);
    if (provider) t->remote.provider = ov_str_of(provider->name);
    check_remote(t);
    return OV_OK;
}

static ov_status parse_spec(tracker_spec *t, const cJSON *object, ov_err *err)
{
    const cJSON *spec = NULL;
    ov_status s = object_at(object, "spec", true, &spec, err);
    if (s == OV_OK) s = text_at(t, spec, "spec.name", TRACKER_NAME_MAX, &t->name, err);
    if (s == OV_OK && t->name.len == 0) s = ov_fail(err, OV_INVALID, "spec.name: missing");
    if (s == OV_OK) s = parse_resources(t, spec, err);
    if (s == OV_OK) s = parse_local(t, spec, err);
    return s == OV_OK ? parse_remote(t, spec, err) : s;
}

ov_status tracker_parse(const cJSON *object, tracker_spec **ret, ov_err *err)
{
    OV_CLEANUP(tracker_free_p) tracker_spec *t = ov_zalloc(sizeof *t);
    ov_status s = parse_spec(t, object, err);
    if (s == OV_OK) *ret = OV_TAKE(t);
    return s;
}

void tracker_free(tracker_spec *t)
{
    if (!t) return;
    selector_free(t->selector);
    jsonpath_free(t->path);
    ov_extraction_clear(&t->extraction);
    while (t->texts) {
        tracker_text *next = t->texts->next;
        free(t->texts);
        t->texts = next;
    }
    free(t->namespaces);
    free(t);
}

void tracker_free_p(tracker_spec **t)
{
    tracker_free(*t);
}
