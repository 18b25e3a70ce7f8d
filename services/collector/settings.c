/* What a collector can be told, and the checks that a table cannot make. */
#include "services/collector/settings.h"

#include "httpd/httpd.h"
#include "json/writer.h"
#include "proto/report.h"
#include "proto/subjects.h"

#include "base/poison.h"

enum { INTERVAL_MIN_MS = 100, INTERVAL_MAX_MS = 24 * 3600 * 1000, WATCH_MIN_MS = 1000, VALUE_SHOWN_MAX = 100 };

#define AT(member) offsetof(collector_settings, member)
const ov_setting collector_settings_table[COLLECTOR_SETTINGS] = {
    {.flag = "agent.identifier",
     .env = "AGENT_IDENTIFIER",
     .type = OV_SET_TEXT,
     .offset = AT(agent_id),
     .required = true,
     .help = "name of this cluster: letters, digits and dashes"},
    {.flag = "agent.interval",
     .env = "AGENT_INTERVAL",
     .type = OV_SET_DURATION,
     .offset = AT(interval_ms),
     .fallback = "60s",
     .min = INTERVAL_MIN_MS,
     .max = INTERVAL_MAX_MS,
     .help = "time between two signs of life; changes are reported at once"},
    {.flag = "agent.tags",
     .env = "AGENT_TAGS",
     .type = OV_SET_LIST,
     .offset = AT(tags),
     .help = "a tag of this cluster, key=value or key:value, may be given several times"},
    {.flag = "controlplane.url",
     .env = "CONTROLPLANE_URL",
     .type = OV_SET_TEXT,
     .offset = AT(controlplane_url),
     .help = "ship over HTTP to this control plane, unless nats.url is given"},
    {.flag = "controlplane.auth-token",
     .env = "CONTROLPLANE_AUTH_TOKEN",
     .type = OV_SET_SECRET_OR_FILE,
     .offset = AT(controlplane_token),
     .help = "bearer token for the control plane, or the name of a file that holds it"},
    {.flag = "cluster.files",
     .env = "CLUSTER_FILES",
     .type = OV_SET_TEXT,
     .offset = AT(cluster_files),
     .help = "folder of dumps (kubectl get ... -o yaml or json) that is read instead of a live cluster"},
    {.flag = "kubeconfig",
     .env = "KUBECONFIG",
     .type = OV_SET_TEXT,
     .offset = AT(kubeconfig),
     .help = "kubeconfig files, separated by colons; without it the pod's service account, else ~/.kube/config"},
    {.flag = "kube.context",
     .env = "KUBE_CONTEXT",
     .type = OV_SET_TEXT,
     .offset = AT(kube_context),
     .help = "context of the kubeconfig, when it is not the current one"},
    {.flag = "kube.watch-timeout",
     .env = "KUBE_WATCH_TIMEOUT",
     .type = OV_SET_DURATION,
     .offset = AT(watch_ms),
     .fallback = "5m",
     .min = WATCH_MIN_MS,
     .max = INTERVAL_MAX_MS,
     .help = "how long one watch lasts at least; up to twice that is asked for"},
    {.flag = "kube.idle-timeout",
     .env = "KUBE_IDLE_TIMEOUT",
     .type = OV_SET_DURATION,
     .offset = AT(idle_ms),
     .fallback = "2m30s",
     .min = WATCH_MIN_MS,
     .max = INTERVAL_MAX_MS,
     .help = "a watch without a byte for so long is taken for cut; bookmarks come about once a minute"},
    {.flag = "report.gather",
     .env = "REPORT_GATHER",
     .type = OV_SET_DURATION,
     .offset = AT(gather_ms),
     .fallback = "200ms",
     .min = 0,
     .max = 60000,
     .help = "how long the first of several changes waits for the others; more for a tracker that goes on changing"},
    {.flag = "metrics-bind-address",
     .env = "METRICS_BIND_ADDRESS",
     .type = OV_SET_TEXT,
     .check = ov_http_address_check,
     .offset = AT(metrics_address),
     .fallback = ":8081",
     .help = "address of /metrics"},
    {.flag = "health-probe-bind-address",
     .env = "HEALTH_PROBE_BIND_ADDRESS",
     .type = OV_SET_TEXT,
     .check = ov_http_address_check,
     .offset = AT(health_address),
     .fallback = ":8082",
     .help = "address of /healthz and /readyz"},
    {.flag = "once",
     .type = OV_SET_BOOL,
     .offset = AT(once),
     .fallback = "false",
     .help = "read the cluster once, deliver every report, then end"},
    {.flag = "print",
     .type = OV_SET_BOOL,
     .offset = AT(print),
     .fallback = "false",
     .help = "with once: write the reports to stdout, one JSON line each, instead of delivering them"},
};
#undef AT

static bool is_identifier(ov_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        if (!fine) return false;
    }
    return s.len > 0 && s.len <= ID_MAX;
}

ov_status collector_settings_check(const collector_settings *s, ov_err *err)
{
    ov_str id = ov_str_of(s->agent_id);
    if (!is_identifier(id))
        return ov_fail(err, OV_INVALID, "agent.identifier: \"%.*s\": expected letters, digits and dashes",
                       OV_STR_ARG(ov_str_sub(id, 0, VALUE_SHOWN_MAX)));
    if (s->print && !s->once) return ov_fail(err, OV_INVALID, "print: expected together with once");
    return OV_OK;
}

/* ---- tags ---- */

typedef struct {
    ov_str key, value;
} tag;

static ov_status tag_parse(const char *text, tag *ret, ov_err *err)
{
    ov_str s = ov_str_trim(ov_str_of(text));
    size_t equals = ov_str_find(s, '=', 0), colon = ov_str_find(s, ':', 0);
    size_t at = equals < colon ? equals : colon;
    *ret = (tag){ov_str_trim(ov_str_sub(s, 0, at)), ov_str_trim(ov_str_sub(s, at + 1, s.len))};
    if (s.len == 0) return OV_OK; /* an empty line of the variable */
    if (at == s.len || ret->key.len == 0 || !ov_str_is_utf8(s))
        return ov_fail(err, OV_INVALID, "agent.tags: \"%.*s\": expected key=value or key:value",
                       OV_STR_ARG(ov_str_sub(s, 0, VALUE_SHOWN_MAX)));
    return OV_OK;
}

static bool is_overridden(const ov_text_list *tags, size_t at, ov_str key)
{
    for (size_t i = at + 1; i < tags->count; i++) {
        tag later;
        if (tag_parse(tags->items[i], &later, NULL) == OV_OK && ov_str_eq(later.key, key)) return true;
    }
    return false;
}

ov_status collector_tags_write(const ov_text_list *tags, ov_buf *out, ov_err *err)
{
    size_t count = 0;
    ov_json_writer w = ov_json_writer_on(out);
    if (tags->count > REPORT_TAGS_MAX)
        return ov_fail(err, OV_INVALID, "agent.tags: %zu tags: expected at most %d", tags->count, REPORT_TAGS_MAX);
    for (size_t i = 0; i < tags->count; i++) {
        tag t;
        ov_status st = tag_parse(tags->items[i], &t, err);
        if (st != OV_OK) return st;
        if (t.key.len == 0 || is_overridden(tags, i, t.key)) continue;
        if (count++ == 0) ov_json_open_object(&w, NULL);
        ov_json_write_member(&w, t.key, t.value);
    }
    if (count > 0) ov_json_close_object(&w);
    return ov_buf_finish(out, "agent.tags", err);
}
