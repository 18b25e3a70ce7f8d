/* A kubeconfig's exec: which plugin is run, with which arguments and environment.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
#include "services/collector/kube/kubeconfig_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "services/collector/kube/document.h"

#include "base/poison.h"

enum { TEXTS_MAX = 256, SHOWN_MAX = 60, FIELD_MAX = 48 };
#define GROUP "client.authentication.k8s.io/"

typedef struct {
    ov_str api_version, command, args, env, install_hint, mode;
    bool provide_cluster_info;
} exec_entry;

static const ov_field exec_fields[] = {
    {"apiVersion", OV_FIELD_STRING, true, offsetof(exec_entry, api_version)},
    {"command", OV_FIELD_STRING, true, offsetof(exec_entry, command)},
    {"args", OV_FIELD_ARRAY, false, offsetof(exec_entry, args)},
    {"env", OV_FIELD_ARRAY, false, offsetof(exec_entry, env)},
    {"installHint", OV_FIELD_STRING, false, offsetof(exec_entry, install_hint)},
    {"interactiveMode", OV_FIELD_STRING, false, offsetof(exec_entry, mode)},
    {"provideClusterInfo", OV_FIELD_BOOL, false, offsetof(exec_entry, provide_cluster_info)},
};

typedef struct {
    ov_str name, value;
} variable_entry;

static const ov_field variable_fields[] = {
    {"name", OV_FIELD_STRING, true, offsetof(variable_entry, name)},
    {"value", OV_FIELD_RAW, false, offsetof(variable_entry, value)},
};

/* One array that is walked. */
typedef struct {
    const kubeconfig_place *place;
    ov_json_arena *arena;
    char *path; /* `...: exec.args` */
    char **texts;
    size_t count;
} walk;

static ov_status add_argument(walk *w, ov_json_reader *r, ov_err *err)
{
    ov_str text;
    ov_status st = ov_json_string(r, &text, w->arena, w->path, err);
    if (st == OV_OK) w->texts[w->count++] = ov_dup(text);
    return st;
}

static ov_status add_variable(walk *w, ov_json_reader *r, ov_err *err)
{
    variable_entry v = {0};
    char field[FIELD_MAX];
    ov_status st = ov_json_fields(r, variable_fields, OV_COUNT(variable_fields), &v, w->arena, w->path, err);
    if (st != OV_OK) return st;
    if (v.name.len == 0 || ov_str_find(v.name, '=', 0) < v.name.len)
        return ov_fail(err, OV_INVALID, "%s.name: \"%.*s\": expected a name without \"=\"", w->path,
                       OV_STR_ARG(ov_str_sub(v.name, 0, SHOWN_MAX)));
    OV_CLEANUP(ov_secret_buf_clear) ov_buf text = ov_secret_buf(v.name.len + 1 + v.value.len);
    ov_buf_append_str(&text, v.name);
    ov_buf_append_char(&text, '=');
    snprintf(field, sizeof field, "exec.env[%zu].value", w->count);
    if (v.value.len) st = kubeconfig_secret(v.value, w->place, field, &text, err);
    if (st == OV_OK) w->texts[w->count++] = ov_dup(ov_buf_str(&text));
    return st;
}

static ov_status walk_array(walk *w, ov_str array, ov_status (*add)(walk *, ov_json_reader *, ov_err *), ov_err *err)
{
    ov_json_reader r;
    bool more = false;
    if (!array.len) return OV_OK;
    ov_json_reader_init(&r, array);
    ov_status st = ov_json_array_begin(&r, w->path, err);
    if (st == OV_OK) st = ov_json_array_next(&r, &more, w->path, err);
    while (st == OV_OK && more) {
        if (w->count == TEXTS_MAX)
            return ov_fail(err, OV_INVALID, "%s: expected at most %d elements", w->path, TEXTS_MAX - 1);
        st = add(w, &r, err);
        if (st == OV_OK) st = ov_json_array_next(&r, &more, w->path, err);
    }
    return st;
}

static ov_status check_version(ov_str version, const kubeconfig_place *place, ov_err *err)
{
    if (ov_str_eq(version, OV_STR(GROUP "v1")) || ov_str_eq(version, OV_STR(GROUP "v1beta1"))) return OV_OK;
    return ov_fail(err, OV_INVALID, "%sexec.apiVersion: \"%.*s\": expected " GROUP "v1 or v1beta1", place->text,
                   OV_STR_ARG(ov_str_sub(version, 0, SHOWN_MAX)));
}

static ov_status check_mode(ov_str mode, const kubeconfig_place *place, ov_err *err)
{
    if (mode.len == 0 || ov_str_eq(mode, OV_STR("Never")) || ov_str_eq(mode, OV_STR("IfAvailable"))) return OV_OK;
    bool always = ov_str_eq(mode, OV_STR("Always"));
    return ov_fail(err, OV_INVALID, "%sexec.interactiveMode: \"%.*s\": %sexpected Never or IfAvailable", place->text,
                   OV_STR_ARG(ov_str_sub(mode, 0, SHOWN_MAX)), always ? "nobody is there to answer: " : "");
}

static ov_status check(const exec_entry *e, const kubeconfig_place *place, ov_err *err)
{
    if (e->command.len == 0) return ov_fail(err, OV_INVALID, "%sexec.command: missing", place->text);
    ov_status st = check_version(e->api_version, place, err);
    return st == OV_OK ? check_mode(e->mode, place, err) : st;
}

static ov_status fill(const exec_entry *e, const kubeconfig_place *place, ov_json_arena *arena, kube_plugin *p,
                      ov_err *err)
{
    bool path = ov_str_find(e->command, '/', 0) < e->command.len;
    OV_CLEANUP(ov_free_p) char *args = kubeconfig_what(place, "exec.args");
    OV_CLEANUP(ov_free_p) char *env = kubeconfig_what(place, "exec.env");
    p->argv = ov_calloc(TEXTS_MAX + 1, sizeof *p->argv);
    p->env = ov_calloc(TEXTS_MAX + 1, sizeof *p->env);
    p->argv[0] = path ? kubeconfig_resolve(place, e->command) : ov_dup(e->command);
    p->what = kubeconfig_what(place, "exec");
    p->api_version = ov_dup(e->api_version);
    p->install_hint = e->install_hint.len ? ov_dup(e->install_hint) : NULL;
    p->provide_cluster_info = e->provide_cluster_info;
    walk arguments = {place, arena, args, p->argv, 1};
    walk variables = {place, arena, env, p->env, 0};
    ov_status st = walk_array(&arguments, e->args, add_argument, err);
    return st == OV_OK ? walk_array(&variables, e->env, add_variable, err) : st;
}

ov_status kubeconfig_read_plugin(ov_str body, const kubeconfig_place *place, kube_plugin **ret, ov_err *err)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_free_p) char *path = kubeconfig_what(place, "exec");
    OV_CLEANUP(kube_plugin_free_p) kube_plugin *p = ov_zalloc(sizeof *p);
    exec_entry e = {0};
    ov_status st = ov_json_fields_of(body, exec_fields, OV_COUNT(exec_fields), &e, &arena, path, err);
    if (st == OV_OK) st = check(&e, place, err);
    if (st == OV_OK) st = fill(&e, place, &arena, p, err);
    if (st == OV_OK) *ret = OV_TAKE(p);
    return st;
}
