/* Source: what one look-up answers, named by one canonical key however trackers spell it. */
#ifndef OPVIC_PROTO_SOURCE_H
#define OPVIC_PROTO_SOURCE_H

#include "base/buf.h"
#include "base/status.h"
#include "proto/report.h"

/* One row a provider; fetchers have a file for each. */
typedef struct {
    const char *name;          /* "github" */
    const char *aliases[3];    /* "helm-repo" */
    const char *strategies[4]; /* as users write them */
    const char *repo_example;
    bool needs_chart;
    bool strategy_in_source; /* github: releases and tags are two look-ups; helm: one index answers both */
} source_provider;
extern const source_provider source_providers[];
extern const size_t source_provider_count;
/* By name or alias, or NULL. */
const source_provider *source_provider_find(ov_str name);

enum { SOURCE_KEY_MAX = 2048 };

/* All text owned; zero is empty. */
typedef struct {
    char *key;      /* "github/releases/coredns/coredns", "helm/index/https://charts.example.org" */
    char *provider; /* canonical: "github", "helm" */
    char *strategy; /* "releases", "tags"; "index" for helm */
    char *repo;     /* canonical: owner/name in lower case for github; scheme and host lower case, no trailing slash, no
                       default port for URLs */
    char *list;     /* which of the source's lists a tracker wants: the chart for helm, "" for github */
    bool app_version; /* helm's appVersion: the list's appVersion is the candidate, not its version */
} source;

/* From a tracker's remoteVersion. OV_INVALID: "remoteVersion.provider: \"x\": expected one of github, helm" and the
 * like. */
OV_MUST_CHECK ov_status source_resolve(const report_remote *remote, source *ret, ov_err *err);
void source_clear(source *s);

#endif
