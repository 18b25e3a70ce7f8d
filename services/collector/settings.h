/* The settings of a collector. */
#ifndef OPVIC_COLLECTOR_SETTINGS_H
#define OPVIC_COLLECTOR_SETTINGS_H

#include "app/settings.h"
#include "crypto/secret.h"

typedef struct {
    char *agent_id;                /* --agent.identifier AGENT_IDENTIFIER */
    int64_t interval_ms;           /* --agent.interval AGENT_INTERVAL 60s */
    ov_text_list tags;             /* --agent.tags AGENT_TAGS */
    char *controlplane_url;        /* --controlplane.url CONTROLPLANE_URL */
    ov_secret *controlplane_token; /* --controlplane.auth-token CONTROLPLANE_AUTH_TOKEN */
    char *cluster_files;           /* --cluster.files CLUSTER_FILES */
    char *kubeconfig;              /* --kubeconfig KUBECONFIG */
    char *kube_context;            /* --kube.context KUBE_CONTEXT */
    int64_t watch_ms;              /* --kube.watch-timeout KUBE_WATCH_TIMEOUT 5m */
    int64_t idle_ms;               /* --kube.idle-timeout KUBE_IDLE_TIMEOUT 2m30s */
    int64_t gather_ms;             /* --report.gather REPORT_GATHER 200ms */
    char *metrics_address;         /* --metrics-bind-address METRICS_BIND_ADDRESS :8081 */
    char *health_address;          /* --health-probe-bind-address HEALTH_PROBE_BIND_ADDRESS :8082 */
    bool once;                     /* --once */
    bool print;                    /* --print */
} collector_settings;

enum { COLLECTOR_SETTINGS = 15, COLLECTOR_TAGS_BYTES_MAX = 16 * 1024 };
extern const ov_setting collector_settings_table[COLLECTOR_SETTINGS];

/* What the table cannot check. OV_INVALID: names the setting, the value and what was expected. */
OV_MUST_CHECK ov_status collector_settings_check(const collector_settings *s, ov_err *err);
/* The tags, each "key=value" or "key:value" (whichever sign comes first), as a JSON object in their order; of a key
 * that comes twice the last value counts. Nothing is written when there are none. OV_INVALID names the tag. */
OV_MUST_CHECK ov_status collector_tags_write(const ov_text_list *tags, ov_buf *out, ov_err *err);

#endif
