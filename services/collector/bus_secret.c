/* Creates a Secret with a random password under each key; where it exists, adds the keys that it lacks.
 * https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/ */
#include "services/collector/bus_secret.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/settings.h"
#include "base/mem.h"
#include "base/random.h"
#include "json/tree.h"
#include "json/writer.h"
#include "services/collector/kube/access.h"
#include "services/collector/kube/event.h"

#include "base/poison.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2, ANSWER_MS = 30000, PLUGIN_MS = 100, PLUGIN_TRIES = 300, URL_MAX = 2048 };
enum { ANSWER_MAX = 4 << 20, BODY_MAX = 64 << 10, RANDOM_BYTES = BUS_SECRET_PASSWORD_CHARS / 2, SHOWN_MAX = 80 };
#define PROGRAM "opvic-collector bus-secret"

typedef struct {
    char *secret, *ns, *keys, *release, *kubeconfig;
} bus_secret_settings;

#define AT(member) offsetof(bus_secret_settings, member)
static const ov_setting table[] = {
    {.flag = "secret", .type = OV_SET_TEXT, .offset = AT(secret), .required = true, .help = "name of the Secret"},
    {.flag = "namespace", .type = OV_SET_TEXT, .offset = AT(ns), .required = true, .help = "its namespace"},
    {.flag = "keys",
     .type = OV_SET_TEXT,
     .offset = AT(keys),
     .required = true,
     .help = "keys that it shall have, separated by commas"},
    {.flag = "helm-release",
     .type = OV_SET_TEXT,
     .offset = AT(release),
     .help = "release whose later versions may take a new Secret over as their own"},
    {.flag = "kubeconfig",
     .env = "KUBECONFIG",
     .type = OV_SET_TEXT,
     .offset = AT(kubeconfig),
     .help = "kubeconfig files, separated by colons; without it the pod's service account, else ~/.kube/config"},
};
#undef AT

typedef struct {
    const bus_secret_settings *settings;
    ov_str keys[BUS_SECRET_KEYS_MAX];
    size_t key_count;
    ov_fetch *fetch;
    kube_credentials credentials;
    ov_buf answer;
} job;

/* ---- what is wanted ---- */

static bool is_name(ov_str s, const char *also)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || strchr(also, c);
        if (!c || !fine) return false;
    }
    return s.len > 0 && s.len <= KUBE_NAME_MAX;
}

static ov_status check_name(const char *flag, ov_str name, const char *also, ov_err *err)
{
    if (is_name(name, also)) return OV_OK;
    return ov_fail(err, OV_INVALID, "--%s: \"%.*s\": expected a name of letters, digits, dashes and dots", flag,
                   OV_STR_ARG(ov_str_sub(name, 0, SHOWN_MAX)));
}

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"

static ov_status read_job(const bus_secret_settings *s, job *j, ov_err *err)
{
    ov_str rest = ov_str_of(s->keys), key;
    j->settings = s;
    ov_status st = check_name("secret", ov_str_of(s->secret), "", err);
    if (st == OV_OK) st = check_name("namespace", ov_str_of(s->ns), "", err);
    if (st == OV_OK && s->release) st = check_name("helm-release", ov_str_of(s->release), "", err);
    while (st == OV_OK && ov_str_split(&rest, ',', &key)) {
        if (j->key_count == BUS_SECRET_KEYS_MAX)
            return ov_fail(err, OV_INVALID, "--keys: expected at most %d", BUS_SECRET_KEYS_MAX);
        st = check_name("keys", key, UPPER, err);
        j->keys[j->key_count++] = key;
    }
    return st;
}

/* ---- bodies ---- */

/* Hexadecimal digits, the ten of them that are no letters moved behind the six that are. */
static void write_password(ov_json_writer *w, ov_str key)
{
    char text[BUS_SECRET_PASSWORD_CHARS + 1];
    ov_random_hex(text, RANDOM_BYTES);
    for (size_t i = 0; i < BUS_SECRET_PASSWORD_CHARS; i++)
        if (text[i] <= '9') text[i] = (char)(text[i] - '0' + 'g');
    ov_json_write_member(w, key, ov_str_of(text));
    explicit_bzero(text, sizeof text);
}

/* Helm lets a release take over only what says that it is the release's, and removes all that left its manifests but
 * what says that it shall stay. */
#define KEEP "helm.sh/resource-policy"

static void write_owner(const job *j, ov_json_writer *w)
{
    if (!j->settings->release) return;
    ov_json_open_object(w, "labels");
    ov_json_write_c(w, "app.kubernetes.io/managed-by", "Helm");
    ov_json_close_object(w);
    ov_json_open_object(w, "annotations");
    ov_json_write_c(w, "meta.helm.sh/release-name", j->settings->release);
    ov_json_write_c(w, "meta.helm.sh/release-namespace", j->settings->ns);
    ov_json_write_c(w, KEEP, "keep");
    ov_json_close_object(w);
}

static void write_keep(ov_json_writer *w)
{
    ov_json_open_object(w, "annotations");
    ov_json_write_c(w, KEEP, "keep");
    ov_json_close_object(w);
}

static bool is_kept(const job *j, const cJSON *secret)
{
    const cJSON *annotations = ov_json_member(ov_json_member(secret, "metadata"), "annotations");
    return !j->settings->release || ov_json_member(annotations, KEEP) != NULL;
}

static ov_buf new_secret(const job *j)
{
    ov_buf body = ov_secret_buf(BODY_MAX);
    ov_json_writer w = ov_json_writer_on(&body);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, "apiVersion", "v1");
    ov_json_write_c(&w, "kind", "Secret");
    ov_json_open_object(&w, "metadata");
    ov_json_write_c(&w, "name", j->settings->secret);
    write_owner(j, &w);
    ov_json_close_object(&w);
    ov_json_open_object(&w, "stringData");
    for (size_t i = 0; i < j->key_count; i++) write_password(&w, j->keys[i]);
    ov_json_close_object(&w);
    ov_json_close_object(&w);
    return body;
}

static bool has_key(const cJSON *secret, ov_str key)
{
    OV_CLEANUP(ov_free_p) char *name = ov_dup(key);
    return ov_json_member(ov_json_member(secret, "data"), name) != NULL;
}

/* A merge patch, for the version that was read alone, with what is missing; *ret_count: keys. */
static ov_buf missing_keys(const job *j, const cJSON *secret, size_t *ret_count)
{
    ov_buf body = ov_secret_buf(BODY_MAX);
    ov_json_writer w = ov_json_writer_on(&body);
    *ret_count = 0;
    ov_json_open_object(&w, NULL);
    ov_json_open_object(&w, "metadata");
    ov_json_write_str(&w, "resourceVersion", ov_json_member_str(ov_json_member(secret, "metadata"), "resourceVersion"));
    if (!is_kept(j, secret)) write_keep(&w);
    ov_json_close_object(&w);
    ov_json_open_object(&w, "stringData");
    for (size_t i = 0; i < j->key_count; i++) {
        if (has_key(secret, j->keys[i])) continue;
        write_password(&w, j->keys[i]);
        ++*ret_count;
    }
    ov_json_close_object(&w);
    ov_json_close_object(&w);
    return body;
}

/* ---- requests ---- */

/* named: the Secret itself, else the collection. The answer is in j->answer. OV_FAILED: there is none. */
static ov_status ask(job *j, const char *method, bool named, ov_str body, unsigned *ret_status, ov_err *err)
{
    char url[URL_MAX];
    ov_fetch_result result;
    snprintf(url, sizeof url, "%s/api/v1/namespaces/%s/secrets%s%s", j->credentials.server, j->settings->ns,
             named ? "/" : "", named ? j->settings->secret : "");
    ov_fetch_request q = kube_request(&j->credentials, url);
    q.method = method;
    q.body = body;
    if (body.len) q.content_type = strcmp(method, "PATCH") == 0 ? "application/merge-patch+json" : "application/json";
    q.total_ms = ANSWER_MS;
    q.body_max = ANSWER_MAX;
    q.on_body = ov_fetch_into_buf;
    q.arg = &j->answer;
    ov_secret_buf_clear(&j->answer);
    j->answer = ov_secret_buf(ANSWER_MAX);
    ov_fetch_run(j->fetch, &q, &result);
    if (result.failure != OV_FETCH_OK) return ov_fail(err, OV_FAILED, "%s: %s", result.shown_url, result.text);
    *ret_status = result.status;
    return OV_OK;
}

static ov_status refused(const job *j, unsigned status, ov_err *err)
{
    kube_status said;
    kube_status_parse(ov_buf_str(&j->answer), &said);
    return ov_fail(err, OV_FAILED, "secret %s/%s: HTTP %u%s%s", j->settings->ns, j->settings->secret, status,
                   said.message[0] ? ": " : "", said.message);
}

static void say(const job *j, size_t count, const char *what)
{
    printf("secret %s/%s: %zu keys %s\n", j->settings->ns, j->settings->secret, count, what);
}

static ov_status add_missing(job *j, ov_err *err)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *secret = NULL;
    unsigned status;
    size_t count;
    ov_status st = ask(j, "GET", true, (ov_str){0}, &status, err);
    if (st == OV_OK && status != 200) return refused(j, status, err);
    if (st == OV_OK) st = ov_json_tree(ov_buf_str(&j->answer), &secret, err);
    if (st != OV_OK) return st;
    OV_CLEANUP(ov_secret_buf_clear) ov_buf body = missing_keys(j, secret, &count);
    st = ov_buf_finish(&body, "patch", err);
    if (st == OV_OK && (count || !is_kept(j, secret))) st = ask(j, "PATCH", true, ov_buf_str(&body), &status, err);
    if (st == OV_OK && status != 200) return refused(j, status, err);
    if (st == OV_OK) say(j, count ? count : j->key_count, count ? "added, the others stay" : "are there already");
    return st;
}

static ov_status create_or_add(job *j, ov_err *err)
{
    unsigned status;
    OV_CLEANUP(ov_secret_buf_clear) ov_buf body = new_secret(j);
    ov_status st = ov_buf_finish(&body, "secret", err);
    if (st == OV_OK) st = ask(j, "POST", false, ov_buf_str(&body), &status, err);
    if (st != OV_OK) return st;
    if (status == 409) return add_missing(j, err);
    if (status != 201) return refused(j, status, err);
    say(j, j->key_count, "made");
    return OV_OK;
}

/* ---- the program ---- */

/* Waits for a kubeconfig's plugin, if there is one. */
static ov_status prepare(kube_access *access, kube_credentials *ret, ov_err *err)
{
    ov_status st = OV_RETRY;
    for (int i = 0; st == OV_RETRY && i < PLUGIN_TRIES; i++) {
        if (i) poll(NULL, 0, PLUGIN_MS);
        st = kube_access_prepare(access, ov_mono_now(), ov_wall_now(), ret, err);
    }
    return st == OV_RETRY ? ov_fail(err, OV_FAILED, "%s: its plugin gives nothing", kube_access_name(access)) : st;
}

static ov_status run(job *j, ov_err *err)
{
    kube_access *access = NULL;
    const kube_access_options o = {.kubeconfig = j->settings->kubeconfig};
    ov_status st = kube_access_open(&o, &access, err);
    if (st == OV_OK) st = prepare(access, &j->credentials, err);
    if (st == OV_OK) st = ov_fetch_new(PROGRAM "/" OPVIC_VERSION, NULL, &j->fetch, err);
    if (st == OV_OK) st = create_or_add(j, err);
    ov_fetch_free(j->fetch);
    kube_access_free(access);
    ov_secret_buf_clear(&j->answer);
    return st;
}

int bus_secret_main(int argc, char **argv)
{
    job j = {0};
    bus_secret_settings s = {0};
    const ov_settings_table tables[] = {{table, OV_COUNT(table), &s}};
    ov_settings_outcome outcome;
    ov_err err = {0};
    int code = EXIT_SUCCESS;
    ov_status st = ov_settings_load(PROGRAM, "gives a Secret the passwords that it lacks, and changes none", tables,
                                    OV_COUNT(tables), argc, argv, &outcome, &err);
    if (st == OV_OK && outcome == OV_SETTINGS_RUN) st = read_job(&s, &j, &err);
    if (st != OV_OK) code = STATUS_USAGE;
    if (st == OV_OK && outcome == OV_SETTINGS_RUN && run(&j, &err) != OV_OK) code = STATUS_FAILED;
    if (code) fprintf(stderr, PROGRAM ": %s\n", err.msg);
    ov_settings_clear(tables, OV_COUNT(tables));
    return code;
}
