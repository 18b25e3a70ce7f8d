/* Helm: one index.yaml a repository, read event by event; of its charts only the wanted ones are kept.
 * https://helm.sh/docs/topics/chart_repository/#the-index-file */
#include "services/fetcher/provider.h"

#include "base/clock.h"
#include "yaml/yaml.h"
#include "base/poison.h"

static ov_status first_url(const provider_options *o, const job *j, ov_buf *out, ov_err *err)
{
    (void)o;
    ov_str repo = j->repo;
    while (repo.len && repo.ptr[repo.len - 1] == '/') repo.len--;
    if (repo.len == 0) return ov_fail(err, OV_INVALID, "repo: missing");
    ov_buf_append_str(out, repo);
    ov_buf_append_c(out, "/index.yaml");
    return OV_OK;
}

/* What is kept of an item while its members pass by. */
typedef struct {
    ov_buf version, app_version;
    int64_t created_s;
    bool deprecated, has_version;
} helm_item;

typedef struct {
    ov_yaml *y;
    version_lists *lists;
    helm_item item;
} helm_index;

static ov_status is_null(const ov_yaml_event *e, bool *ret, ov_err *err)
{
    ov_yaml_value value = {.kind = OV_YAML_STRING};
    ov_status status = OV_OK;
    if (e->type == OV_YAML_SCALAR && (e->plain || e->tag == OV_YAML_TAG_NULL)) status = ov_yaml_resolve(e, &value, err);
    *ret = value.kind == OV_YAML_NULL;
    return status;
}

static ov_status set_text(ov_buf *to, const ov_yaml_event *value, const char *name, ov_err *err)
{
    if (value->type != OV_YAML_SCALAR) return ov_yaml_fail(value, "expected a text", ov_str_of(name), err);
    ov_buf_reset(to);
    ov_buf_append_str(to, value->text);
    return OV_OK;
}

static ov_status set_member(helm_item *item, ov_str name, const ov_yaml_event *value, ov_err *err)
{
    bool null;
    ov_status status = is_null(value, &null, err);
    if (status != OV_OK || null) return status;
    if (ov_str_eq(name, OV_STR("version"))) {
        if (item->has_version) return ov_yaml_fail(value, "twice in one item", name, err);
        item->has_version = true;
        return set_text(&item->version, value, "version", err);
    }
    if (ov_str_eq(name, OV_STR("appVersion"))) return set_text(&item->app_version, value, "appVersion", err);
    if (ov_str_eq(name, OV_STR("created")) && value->type == OV_YAML_SCALAR) {
        ov_wall created;
        item->created_s = ov_wall_parse(value->text, &created, NULL) == OV_OK ? created.ms / 1000 : 0;
    }
    if (ov_str_eq(name, OV_STR("deprecated"))) item->deprecated = ov_str_eq(value->text, OV_STR("true"));
    return OV_OK;
}

/* Of a chart's metadata few members matter; their names are short. */
enum { MEMBER_NAME_MAX = 16 };

static ov_status read_item(helm_index *x, version_list *to, ov_err *err)
{
    helm_item *item = &x->item;
    ov_buf_reset(&item->version);
    ov_buf_reset(&item->app_version);
    item->created_s = 0;
    item->deprecated = item->has_version = false;
    for (;;) {
        ov_yaml_event key, value;
        char name[MEMBER_NAME_MAX];
        ov_status status = ov_yaml_next(x->y, &key, err);
        if (status != OV_OK) return status;
        if (key.type == OV_YAML_MAPPING_END) break;
        size_t len = key.type == OV_YAML_SCALAR && key.text.len < sizeof name ? key.text.len : 0;
        if (len) memcpy(name, key.text.ptr, len);
        status = ov_yaml_skip(x->y, &key, err);
        if (status == OV_OK) status = ov_yaml_next(x->y, &value, err);
        if (status == OV_OK) status = set_member(item, (ov_str){name, len}, &value, err);
        if (status == OV_OK) status = ov_yaml_skip(x->y, &value, err);
        if (status != OV_OK) return status;
    }
    if (item->version.failed) return OV_OK;
    list_version version = {.version = ov_buf_str(&item->version),
                            .app_version = ov_buf_str(&item->app_version),
                            .date_s = item->created_s,
                            .deprecated = item->deprecated};
    version_lists_add(x->lists, to, &version);
    return OV_OK;
}

/* The items of a wanted chart; no items at all may be written as null. */
static ov_status read_chart(helm_index *x, version_list *to, const ov_yaml_event *value, ov_err *err)
{
    bool null;
    ov_status status = is_null(value, &null, err);
    if (status != OV_OK) return status;
    if (to->present) return ov_yaml_fail(value, "the chart stands there twice", to->name, err);
    to->present = true;
    if (null) return OV_OK;
    if (value->type != OV_YAML_SEQUENCE) return ov_yaml_fail(value, "expected a list of chart versions", to->name, err);
    for (;;) {
        ov_yaml_event e;
        status = ov_yaml_next(x->y, &e, err);
        if (status != OV_OK || e.type == OV_YAML_SEQUENCE_END) return status;
        status = is_null(&e, &null, err);
        if (status == OV_OK && e.type == OV_YAML_MAPPING)
            status = read_item(x, to, err);
        else if (status == OV_OK && !null)
            status = ov_yaml_fail(&e, "expected a chart version", to->name, err);
        if (status != OV_OK) return status;
    }
}

static ov_status read_entries(helm_index *x, const ov_yaml_event *begun, ov_err *err)
{
    if (begun->type != OV_YAML_MAPPING)
        return ov_yaml_fail(begun, "entries: expected charts by name", (ov_str){0}, err);
    for (;;) {
        ov_yaml_event key, value;
        ov_status status = ov_yaml_next(x->y, &key, err);
        if (status != OV_OK || key.type == OV_YAML_MAPPING_END) return status;
        version_list *to = key.type == OV_YAML_SCALAR ? version_lists_find(x->lists, key.text) : NULL;
        status = ov_yaml_skip(x->y, &key, err);
        if (status == OV_OK) status = ov_yaml_next(x->y, &value, err);
        if (status == OV_OK) status = to ? read_chart(x, to, &value, err) : ov_yaml_skip(x->y, &value, err);
        if (status != OV_OK) return status;
    }
}

static ov_status read_members(helm_index *x, bool *ret_entries, ov_err *err)
{
    for (;;) {
        ov_yaml_event key, value;
        ov_status status = ov_yaml_next(x->y, &key, err);
        if (status != OV_OK || key.type == OV_YAML_MAPPING_END) return status;
        bool entries = key.type == OV_YAML_SCALAR && ov_str_eq(key.text, OV_STR("entries"));
        if (entries && *ret_entries) return ov_yaml_fail(&key, "entries: twice", (ov_str){0}, err);
        status = ov_yaml_skip(x->y, &key, err);
        if (status == OV_OK) status = ov_yaml_next(x->y, &value, err);
        if (status == OV_OK) status = entries ? read_entries(x, &value, err) : ov_yaml_skip(x->y, &value, err);
        if (status != OV_OK) return status;
        *ret_entries = *ret_entries || entries;
    }
}

/* To the stream's end: only then is the index known to be whole. */
static ov_status read_rest(helm_index *x, ov_err *err)
{
    for (;;) {
        ov_yaml_event e;
        ov_status status = ov_yaml_next(x->y, &e, err);
        if (status != OV_OK || e.type == OV_YAML_END) return status;
        if (e.type == OV_YAML_DOCUMENT) return ov_yaml_fail(&e, "a second document", (ov_str){0}, err);
    }
}

static ov_status read_index(helm_index *x, ov_err *err)
{
    ov_yaml_event e;
    bool entries = false;
    ov_status status = ov_yaml_next(x->y, &e, err);
    if (status == OV_OK && e.type == OV_YAML_DOCUMENT) status = ov_yaml_next(x->y, &e, err);
    if (status == OV_OK && e.type != OV_YAML_MAPPING) return ov_fail(err, OV_INVALID, "not a Helm index");
    if (status == OV_OK) status = read_members(x, &entries, err);
    if (status == OV_OK && !entries) return ov_fail(err, OV_INVALID, "not a Helm index: entries: missing");
    return status == OV_OK ? read_rest(x, err) : status;
}

static ov_status parse(provider_page *page, provider_read read, void *arg, ov_err *err)
{
    OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new(read, arg, OV_YAML_REFUSE_ALIASES);
    helm_index x = {.y = y, .lists = page->lists};
    x.item.version = OV_BUF(LIST_VERSION_BYTES_MAX);
    x.item.app_version = OV_BUF(LIST_VERSION_BYTES_MAX);
    ov_status status = read_index(&x, err);
    ov_buf_clear(&x.item.version);
    ov_buf_clear(&x.item.app_version);
    return status;
}

/* Charts in a registry are tags there. */
static const provider *variant(const job *j)
{
    return ov_str_starts(j->repo, OV_STR("oci://")) ? &provider_oci : NULL;
}

const provider provider_helm = {
    .name = "helm",
    .accept = "application/yaml, application/x-yaml, */*",
    .media = "", /* servers of files call an index many things; what is none is found out by reading it */
    .variant = variant,
    .first_url = first_url,
    .parse = parse,
};
