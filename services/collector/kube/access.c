/* Keeps what a request to the API server needs at hand: reads files again, runs the plugin again. */
#include "services/collector/kube/access.h"

#include <stdlib.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "base/random.h"
#include "crypto/hash.h"
#include "services/collector/kube/credential.h"
#include "services/collector/kube/document.h"
#include "services/collector/kube/kubeconfig.h"

#include "base/poison.h"

enum { REREAD_MS = 60000, PLUGIN_BASE_MS = 1000, PLUGIN_MAX_MS = 60000, PATH_SHOWN_MAX = 120 };
#define INFO_MAX ((size_t)2 * KUBE_FILE_MAX)

struct kube_access {
    kube_target target;
    char *proxy; /* as lib/fetch takes it */
    ov_fetch_tls tls;
    char fingerprint[OV_SHA256_HEX];

    bool was_read; /* read_at is set */
    ov_mono read_at;
    bool rejected; /* since the last prepare */

    kube_exec *running;
    bool has_answer;
    kube_credential answer; /* the plugin's */
    ov_backoff backoff;
    ov_err problem; /* of the plugin's last run; empty: none */
    ov_mono due;    /* when it may run again after that */
};

/* ---- opening ---- */

static bool is_given(const char *text)
{
    return text && *text;
}

static ov_status open_kubeconfig(const char *files, const char *context, kube_target *ret, ov_err *err)
{
    OV_CLEANUP(kubeconfig_free_p) kubeconfig *k = kubeconfig_new();
    ov_status st = kubeconfig_add_files(k, files, err);
    return st == OV_OK ? kubeconfig_choose(k, context, ret, err) : st;
}

static ov_status open_home(const char *context, kube_target *ret, ov_err *err)
{
    const char *home = getenv("HOME");
    OV_CLEANUP(ov_buf_clear) ov_buf path = OV_BUF(KUBECONFIG_PATH_MAX);
    ov_buf_printf(&path, "%s/.kube/config", home ? home : "");
    ov_buf_append_char(&path, '\0');
    if (!is_given(home) || path.failed) return ov_fail(err, OV_INVALID, "kubeconfig: HOME: expected a folder");
    if (strchr(path.ptr, ':')) return ov_fail(err, OV_INVALID, "kubeconfig: HOME: expected a folder without a colon");
    ov_status st = open_kubeconfig(path.ptr, context, ret, err);
    if (st != OV_NOT_FOUND) return st;
    return ov_fail(err, OV_INVALID,
                   "kubeconfig \"%.*s\": no such file: expected one, or a pod with KUBERNETES_SERVICE_HOST",
                   PATH_SHOWN_MAX, path.ptr);
}

static ov_status open_target(const kube_access_options *o, kube_target *ret, ov_err *err)
{
    if (is_given(o->kubeconfig)) return open_kubeconfig(o->kubeconfig, o->context, ret, err);
    if (!is_given(getenv("KUBERNETES_SERVICE_HOST"))) return open_home(o->context, ret, err);
    if (is_given(o->context))
        return ov_fail(err, OV_INVALID, "context \"%.*s\": expected none with the pod's service account",
                       PATH_SHOWN_MAX, o->context);
    return kube_target_of_pod(is_given(o->service_account) ? o->service_account : KUBE_SERVICE_ACCOUNT, ret, err);
}

/* Go lets a SOCKS proxy resolve names; curl does so for socks5h. */
static char *proxy_of(const char *url)
{
    ov_str text = ov_str_of(url), scheme = OV_STR("socks5://");
    if (!url) return NULL;
    if (!ov_str_eq_ignore_case(ov_str_sub(text, 0, scheme.len), scheme)) return ov_dup(text);
    ov_buf out = OV_BUF(SIZE_MAX);
    ov_buf_append_c(&out, "socks5h://");
    ov_buf_append_str(&out, ov_str_sub(text, scheme.len, text.len));
    return ov_buf_take(&out, NULL);
}

/* ---- files ---- */

typedef struct {
    kube_material *material;
    kube_material_type type;
} kept_file;

enum { KEPT_FILES = 4 };

/* The CA first: without it there is no telling whom the rest goes to. */
static void files_of(kube_target *t, kept_file out[static KEPT_FILES])
{
    out[0] = (kept_file){&t->ca, KUBE_CERTIFICATE};
    out[1] = (kept_file){&t->cert, KUBE_CERTIFICATE};
    out[2] = (kept_file){&t->key, KUBE_KEY};
    out[3] = (kept_file){&t->token, KUBE_TOKEN};
}

/* What was read before stays until it can be read again. */
static ov_status read_files(kube_target *t, bool all, ov_err *err)
{
    kept_file files[KEPT_FILES];
    files_of(t, files);
    for (size_t i = 0; i < KEPT_FILES; i++) {
        kube_material *m = files[i].material;
        if (!m->path || (m->value && !all)) continue;
        ov_status st = kube_material_read(m, files[i].type, err);
        if (st != OV_OK && !m->value) return st;
    }
    return OV_OK;
}

static void take_fingerprint(kube_access *a)
{
    ov_str ca = ov_str_trim(ov_secret_text(a->target.ca.value));
    ov_sha256_hex(ca.len ? ca : ov_str_of(a->target.server), a->fingerprint);
}

ov_status kube_access_open(const kube_access_options *o, kube_access **ret, ov_err *err)
{
    kube_target t = {0};
    ov_err why = {0};
    ov_status st = open_target(o, &t, &why);
    if (st == OV_OK) st = read_files(&t, true, &why);
    if (st != OV_OK) {
        kube_target_clear(&t);
        return ov_fail(err, OV_INVALID, "%s", why.msg);
    }
    kube_access *a = ov_zalloc(sizeof *a);
    a->target = t;
    a->proxy = proxy_of(t.proxy);
    a->backoff = (ov_backoff){.base_ms = PLUGIN_BASE_MS, .max_ms = PLUGIN_MAX_MS};
    take_fingerprint(a);
    *ret = a;
    return OV_OK;
}

void kube_access_free(kube_access *a)
{
    if (!a) return;
    kube_exec_free(a->running);
    kube_credential_clear(&a->answer);
    kube_target_clear(&a->target);
    if (a->proxy) explicit_bzero(a->proxy, strlen(a->proxy)); /* may hold a password */
    free(a->proxy);
    free(a);
}

/* ---- the plugin ---- */

static void drop_answer(kube_access *a)
{
    kube_credential_clear(&a->answer);
    a->has_answer = false;
}

static ov_status start_plugin(kube_access *a, ov_mono now, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf info = ov_secret_buf(INFO_MAX);
    kube_credential_write_info(&a->target, &info);
    ov_buf_append_char(&info, '\0');
    ov_status st = ov_buf_finish(&info, a->target.plugin->what, err);
    return st == OV_OK ? kube_exec_start(a->target.plugin, info.ptr, now, &a->running, err) : st;
}

static ov_status take_answer(kube_access *a, ov_str output, ov_wall wall, ov_err *err)
{
    kube_credential c = {0};
    ov_status st = kube_credential_parse(output, a->target.plugin, &c, err);
    if (st != OV_OK) return st;
    if (c.expires && wall.ms >= c.expires_at.ms) {
        kube_credential_clear(&c);
        return ov_fail(err, OV_FAILED, "%s: status.expirationTimestamp: has passed already", a->target.plugin->what);
    }
    drop_answer(a);
    a->answer = c;
    a->has_answer = true;
    return OV_OK;
}

/* One step of a run; whatever ended it, the process is gone. */
static ov_status step_plugin(kube_access *a, ov_mono now, ov_wall wall, ov_err *err)
{
    ov_str output = {0};
    ov_status st = a->running ? OV_OK : start_plugin(a, now, err);
    if (st == OV_OK) st = kube_exec_poll(a->running, now, &output, err);
    if (st == OV_RETRY) return st;
    if (st == OV_OK) st = take_answer(a, output, wall, err);
    kube_exec_free(a->running);
    a->running = NULL;
    return st;
}

static ov_status refresh_plugin(kube_access *a, ov_mono now, ov_wall wall, ov_err *err)
{
    ov_err why = {0};
    if (a->has_answer && a->answer.expires && wall.ms >= a->answer.expires_at.ms) drop_answer(a);
    if (a->has_answer) return OV_OK;
    bool waiting = !a->running && a->problem.msg[0] && ov_mono_since(now, a->due) < 0;
    if (waiting) return ov_fail(err, OV_FAILED, "%s", a->problem.msg);
    ov_status st = step_plugin(a, now, wall, &why);
    if (st == OV_RETRY) return st;
    a->problem = why;
    if (st == OV_OK) {
        a->problem = (ov_err){0};
        ov_backoff_reset(&a->backoff);
        return OV_OK;
    }
    a->due = ov_mono_after(now, ov_backoff_next_ms(&a->backoff, ov_random_u64()));
    return ov_fail(err, OV_FAILED, "%s", why.msg);
}

/* ---- preparing ---- */

static void forget_rejected(kube_access *a)
{
    kube_material *token = &a->target.token;
    if (token->path) {
        ov_secret_free(token->value);
        token->value = NULL;
    }
    drop_answer(a);
}

static const ov_secret *first(const ov_secret *a, const ov_secret *b)
{
    return a ? a : b;
}

static void fill(kube_access *a, kube_credentials *ret)
{
    const kube_target *t = &a->target;
    const ov_secret *basic = t->basic;
    bool own_cert = t->cert.value != NULL;
    a->tls = (ov_fetch_tls){.ca = ov_secret_text(t->ca.value),
                            .cert = ov_secret_text(own_cert ? t->cert.value : a->answer.cert),
                            .key = ov_secret_text(own_cert ? t->key.value : a->answer.key),
                            .server_name = t->server_name,
                            .insecure = t->insecure};
    *ret = (kube_credentials){.server = t->server,
                              .tls = &a->tls,
                              .proxy = a->proxy,
                              .bearer = first(t->token.value, a->answer.token),
                              .authorization = basic ? ov_secret_text(basic).ptr : NULL};
}

ov_status kube_access_prepare(kube_access *a, ov_mono now, ov_wall wall, kube_credentials *ret, ov_err *err)
{
    bool all = a->rejected || (a->was_read && ov_mono_since(now, a->read_at) >= REREAD_MS);
    if (a->rejected) forget_rejected(a);
    if (all || !a->was_read) a->read_at = now;
    a->was_read = true;
    a->rejected = false;
    ov_status st = read_files(&a->target, all, err);
    if (st == OV_OK && a->target.plugin) st = refresh_plugin(a, now, wall, err);
    if (st == OV_OK) fill(a, ret);
    return st;
}

void kube_access_rejected(kube_access *a)
{
    a->rejected = true;
}

const char *kube_access_name(const kube_access *a)
{
    return a->target.name;
}

void kube_access_fingerprint(const kube_access *a, char out[65])
{
    memcpy(out, a->fingerprint, sizeof a->fingerprint);
}

ov_fetch_request kube_request(const kube_credentials *c, const char *url)
{
    static const ov_fetch_policy everywhere = {.allow_all = true};
    return (ov_fetch_request){.url = url,
                              .headers = {{"Accept", "application/json"}, {"Authorization", c->authorization}},
                              .bearer = c->bearer,
                              .tls = c->tls,
                              .proxy = c->proxy,
                              .policy = &everywhere};
}
