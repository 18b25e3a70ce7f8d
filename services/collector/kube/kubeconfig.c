/* Keeps kubeconfig files in their order and looks the entries of one context up in them. */
#include "services/collector/kube/kubeconfig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "services/collector/kube/document.h"
#include "services/collector/kube/kubeconfig_parts.h"

#include "base/poison.h"

/* So that a message holds file, context, entry and what was expected. */
enum { PATH_SHOWN_MAX = 72, NAME_SHOWN_MAX = 44 };

typedef enum { CLUSTERS, USERS, CONTEXTS, LISTS } list_type;

typedef struct {
    ov_str name, body; /* body: a JSON object, or empty */
} entry;

typedef struct {
    entry *entries;
    size_t count, cap;
} entry_list;

typedef struct {
    char *path;
    ov_buf json;         /* what all views point into */
    ov_json_arena arena; /* names with escapes */
    ov_str current_context;
    entry_list lists[LISTS];
} config_file;

struct kubeconfig {
    config_file *files[KUBECONFIG_FILES_MAX];
    size_t count;
};

typedef struct {
    ov_str kind, api_version, current_context, lists[LISTS];
} file_fields;

static const ov_field top_fields[] = {
    {"kind", OV_FIELD_STRING, false, offsetof(file_fields, kind)},
    {"apiVersion", OV_FIELD_STRING, false, offsetof(file_fields, api_version)},
    {"current-context", OV_FIELD_STRING, false, offsetof(file_fields, current_context)},
    {"clusters", OV_FIELD_ARRAY, false, offsetof(file_fields, lists[CLUSTERS])},
    {"users", OV_FIELD_ARRAY, false, offsetof(file_fields, lists[USERS])},
    {"contexts", OV_FIELD_ARRAY, false, offsetof(file_fields, lists[CONTEXTS])},
};

/* The lists' names, and what one of their entries is called. */
static const struct {
    const char *all, *one;
} names[] = {[CLUSTERS] = {"clusters", "cluster"}, [USERS] = {"users", "user"}, [CONTEXTS] = {"contexts", "context"}};

static const ov_field entry_fields[LISTS][2] = {
    [CLUSTERS] = {{"name", OV_FIELD_STRING, true, offsetof(entry, name)},
                  {"cluster", OV_FIELD_OBJECT, false, offsetof(entry, body)}},
    [USERS] = {{"name", OV_FIELD_STRING, true, offsetof(entry, name)},
               {"user", OV_FIELD_OBJECT, false, offsetof(entry, body)}},
    [CONTEXTS] = {{"name", OV_FIELD_STRING, true, offsetof(entry, name)},
                  {"context", OV_FIELD_OBJECT, false, offsetof(entry, body)}},
};

/* ---- files ---- */

kubeconfig *kubeconfig_new(void)
{
    return ov_zalloc(sizeof(kubeconfig));
}

static void file_free(config_file *f)
{
    if (!f) return;
    for (size_t i = 0; i < LISTS; i++) free(f->lists[i].entries);
    ov_json_arena_clear(&f->arena);
    ov_secret_buf_clear(&f->json);
    free(f->path);
    free(f);
}

static void file_free_p(config_file **f)
{
    file_free(*f);
}

void kubeconfig_free(kubeconfig *k)
{
    if (!k) return;
    for (size_t i = 0; i < k->count; i++) file_free(k->files[i]);
    free(k);
}

void kubeconfig_free_p(kubeconfig **k)
{
    kubeconfig_free(*k);
}

/* The end of a long path tells more than its beginning. */
static void show_path(const char *path, char out[static KUBECONFIG_PLACE_MAX])
{
    size_t len = strlen(path);
    bool cut = len > PATH_SHOWN_MAX;
    snprintf(out, KUBECONFIG_PLACE_MAX, "kubeconfig %s%s: ", cut ? "..." : "",
             cut ? path + len - PATH_SHOWN_MAX : path);
}

static ov_status read_entry(config_file *f, list_type which, ov_json_reader *r, ov_map *seen, const char *path,
                            ov_err *err)
{
    entry_list *list = &f->lists[which];
    entry e = {0};
    ov_status st = ov_json_fields(r, entry_fields[which], OV_COUNT(entry_fields[which]), &e, &f->arena, path, err);
    if (st != OV_OK) return st;
    if (ov_map_put(seen, e.name, f))
        return ov_fail(err, OV_INVALID, "%s.name: \"%.*s\": stands twice", path,
                       OV_STR_ARG(ov_str_sub(e.name, 0, NAME_SHOWN_MAX)));
    ov_grow(&list->entries, &list->cap, list->count + 1, sizeof *list->entries);
    list->entries[list->count++] = e;
    return OV_OK;
}

static ov_status read_list(config_file *f, list_type which, ov_str array, const char *place, ov_err *err)
{
    OV_CLEANUP(ov_map_clear) ov_map seen = {0};
    ov_json_reader r;
    bool more = false;
    if (!array.len) return OV_OK;
    ov_json_reader_init(&r, array);
    ov_status st = ov_json_array_begin(&r, place, err);
    if (st == OV_OK) st = ov_json_array_next(&r, &more, place, err);
    while (st == OV_OK && more) {
        char path[KUBECONFIG_PLACE_MAX + 32];
        snprintf(path, sizeof path, "%s%s[%zu]", place, names[which].all, f->lists[which].count);
        st = read_entry(f, which, &r, &seen, path, err);
        if (st == OV_OK) st = ov_json_array_next(&r, &more, place, err);
    }
    return st;
}

static ov_status check_kind(const file_fields *top, const char *place, ov_err *err)
{
    ov_str kind = ov_str_sub(top->kind, 0, NAME_SHOWN_MAX), version = ov_str_sub(top->api_version, 0, NAME_SHOWN_MAX);
    if (kind.len && !ov_str_eq(kind, OV_STR("Config")))
        return ov_fail(err, OV_INVALID, "%skind: \"%.*s\": expected Config", place, OV_STR_ARG(kind));
    if (version.len && !ov_str_eq(version, OV_STR("v1")))
        return ov_fail(err, OV_INVALID, "%sapiVersion: \"%.*s\": expected v1", place, OV_STR_ARG(version));
    return OV_OK;
}

static ov_status file_read(config_file *f, ov_str text, ov_err *err)
{
    char place[KUBECONFIG_PLACE_MAX];
    file_fields top = {0};
    ov_err why = {0};
    show_path(f->path, place);
    if (kube_document_json(text, &f->json, &why) != OV_OK) return ov_fail(err, OV_INVALID, "%s%s", place, why.msg);
    ov_str json = ov_buf_str(&f->json);
    if (ov_str_eq(json, OV_STR("null"))) return OV_OK;
    ov_status st = ov_json_fields_of(json, top_fields, OV_COUNT(top_fields), &top, &f->arena, place, err);
    if (st == OV_OK) st = check_kind(&top, place, err);
    for (int i = 0; i < LISTS && st == OV_OK; i++) st = read_list(f, (list_type)i, top.lists[i], place, err);
    f->current_context = top.current_context;
    return st;
}

ov_status kubeconfig_add(kubeconfig *k, const char *path, ov_str text, ov_err *err)
{
    if (k->count == KUBECONFIG_FILES_MAX)
        return ov_fail(err, OV_INVALID, "kubeconfig: more than %d files", KUBECONFIG_FILES_MAX);
    OV_CLEANUP(file_free_p) config_file *f = ov_zalloc(sizeof *f);
    f->path = ov_dup(ov_str_of(path));
    f->json = ov_secret_buf(KUBE_JSON_MAX);
    ov_status st = file_read(f, text, err);
    if (st == OV_OK) k->files[k->count++] = OV_TAKE(f);
    return st;
}

static ov_status add_file(kubeconfig *k, const char *path, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf text = ov_secret_buf(KUBE_FILE_MAX + 1);
    char place[KUBECONFIG_PLACE_MAX];
    ov_err why = {0};
    ov_status st = kube_file_read(path, &text, &why);
    if (st == OV_OK) return kubeconfig_add(k, path, ov_buf_str(&text), err);
    show_path(path, place);
    return ov_fail(err, st == OV_NOT_FOUND ? OV_NOT_FOUND : OV_INVALID, "%s%s", place, why.msg);
}

ov_status kubeconfig_add_files(kubeconfig *k, const char *files, ov_err *err)
{
    ov_str rest = ov_str_of(files), one;
    bool found = false;
    while (ov_str_split(&rest, ':', &one)) {
        if (one.len == 0) continue;
        OV_CLEANUP(ov_free_p) char *path = ov_dup(one);
        ov_status st = add_file(k, path, err);
        if (st != OV_OK && st != OV_NOT_FOUND) return st;
        found |= st == OV_OK;
    }
    if (found) return OV_OK;
    return ov_fail(err, OV_NOT_FOUND, "kubeconfig \"%.*s\": no such file", PATH_SHOWN_MAX * 2, files);
}

/* ---- entries ---- */

static const entry *find(const kubeconfig *k, list_type which, ov_str name, const config_file **ret_file)
{
    for (size_t i = 0; i < k->count; i++) {
        const entry_list *list = &k->files[i]->lists[which];
        *ret_file = k->files[i];
        for (size_t e = 0; e < list->count; e++)
            if (ov_str_eq(list->entries[e].name, name)) return &list->entries[e];
    }
    return NULL;
}

static ov_str body_of(const entry *e)
{
    return e->body.len ? e->body : OV_STR("{}");
}

/* 'kubeconfig /x: context "prod": user "admin": ' */
static void place_add(kubeconfig_place *p, const char *what, ov_str name)
{
    size_t have = strlen(p->text);
    ov_str shown = ov_str_sub(name, 0, NAME_SHOWN_MAX);
    snprintf(p->text + have, sizeof p->text - have, "%s \"%.*s\": ", what, OV_STR_ARG(shown));
}

static kubeconfig_place place_of(const config_file *f, ov_str context)
{
    kubeconfig_place p = {.path = f->path};
    show_path(f->path, p.text);
    place_add(&p, "context", context);
    return p;
}

typedef struct {
    ov_str cluster, user;
} context_fields;

static const ov_field context_table[] = {
    {"cluster", OV_FIELD_STRING, false, offsetof(context_fields, cluster)},
    {"user", OV_FIELD_STRING, false, offsetof(context_fields, user)},
};

static ov_status find_context(const kubeconfig *k, ov_str name, const entry **ret, const config_file **ret_file,
                              ov_err *err)
{
    if (k->count == 0) return ov_fail(err, OV_INVALID, "kubeconfig: no file");
    for (size_t i = 0; name.len == 0 && i < k->count; i++) name = k->files[i]->current_context;
    if (name.len == 0)
        return ov_fail(err, OV_INVALID, "kubeconfig: current-context: missing, and no context was asked for");
    *ret = find(k, CONTEXTS, name, ret_file);
    if (*ret) return OV_OK;
    char place[KUBECONFIG_PLACE_MAX];
    show_path(k->files[0]->path, place);
    return ov_fail(err, OV_INVALID, "%scontext \"%.*s\": not found%s", place,
                   OV_STR_ARG(ov_str_sub(name, 0, NAME_SHOWN_MAX)), k->count > 1 ? ", nor in the other files" : "");
}

/* The entry that a context names, and its place; *ret stays NULL when it names none. */
static ov_status find_part(const kubeconfig *k, list_type which, ov_str name, const kubeconfig_place *context_place,
                           ov_str context, const entry **ret, kubeconfig_place *ret_place, ov_err *err)
{
    const config_file *file;
    *ret_place = *context_place;
    if (name.len == 0) return OV_OK;
    *ret = find(k, which, name, &file);
    if (!*ret)
        return ov_fail(err, OV_INVALID, "%s%s: \"%.*s\": not found", context_place->text, names[which].one,
                       OV_STR_ARG(ov_str_sub(name, 0, NAME_SHOWN_MAX)));
    *ret_place = place_of(file, context);
    place_add(ret_place, names[which].one, name);
    return OV_OK;
}

static ov_status finish(const kubeconfig_cluster *said, const kubeconfig_place *place, kube_target *t, ov_err *err)
{
    bool with_tls = said->speaks_tls || kube_material_is_set(&t->cert);
    ov_status st = kube_server_parse(said->server, with_tls, place->text, &t->server, err);
    if (st != OV_OK) return st;
    if (!ov_str_eq_ignore_case(ov_str_sub(ov_str_of(t->server), 0, strlen("https:")), OV_STR("https:")))
        kube_target_drop_identity(t);
    if (t->plugin && t->plugin->provide_cluster_info && said->exec.len) t->plugin->cluster_config = ov_dup(said->exec);
    return OV_OK;
}

static ov_status read_parts(const kubeconfig *k, const context_fields *c, ov_str context,
                            const kubeconfig_place *context_place, kube_target *t, ov_err *err)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    kubeconfig_place cluster_place, user_place;
    kubeconfig_cluster said = {0};
    const entry *cluster = NULL, *user = NULL;
    if (c->cluster.len == 0) return ov_fail(err, OV_INVALID, "%scluster: missing", context_place->text);
    ov_status st = find_part(k, CLUSTERS, c->cluster, context_place, context, &cluster, &cluster_place, err);
    if (st == OV_OK) st = find_part(k, USERS, c->user, context_place, context, &user, &user_place, err);
    if (st == OV_OK) st = kubeconfig_read_cluster(body_of(cluster), &cluster_place, t, &arena, &said, err);
    if (st == OV_OK && user) st = kubeconfig_read_user(body_of(user), &user_place, t, err);
    return st == OV_OK ? finish(&said, &cluster_place, t, err) : st;
}

static char *name_of(ov_str context, const config_file *f)
{
    ov_buf name = OV_BUF(SIZE_MAX);
    ov_buf_printf(&name, "context %.*s of %s", OV_STR_ARG(context), f->path);
    return ov_buf_take(&name, NULL);
}

ov_status kubeconfig_choose(const kubeconfig *k, const char *context, kube_target *ret, ov_err *err)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(kube_target_clear) kube_target t = {0};
    const entry *found;
    const config_file *file;
    context_fields c = {0};
    ov_status st = find_context(k, ov_str_of(context), &found, &file, err);
    if (st != OV_OK) return st;
    kubeconfig_place place = place_of(file, found->name);
    st = ov_json_fields_of(body_of(found), context_table, OV_COUNT(context_table), &c, &arena, place.text, err);
    if (st == OV_OK) st = read_parts(k, &c, found->name, &place, &t, err);
    if (st != OV_OK) return st;
    t.name = name_of(found->name, file);
    *ret = t;
    t = (kube_target){0};
    return OV_OK;
}
