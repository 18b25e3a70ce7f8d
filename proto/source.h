/* Source: what one look-up answers, named by one canonical key however trackers spell it. */
#ifndef OPVIC_PROTO_SOURCE_H
#define OPVIC_PROTO_SOURCE_H

#include "base/buf.h"
#include "base/status.h"
#include "proto/report.h"

/* One row a provider; fetchers have a file for each. */
typedef struct {
    const char *name;             /* "github" */
    const char *aliases[3];       /* "helm-repo" */
    const char *strategies[4];    /* as users write them */
    const char *repo_examples[3]; /* of repo, one a form */
    const char *note;             /* for people; or NULL */
    /* Appends the canonical form of repo (source_repo.h). */
    ov_status (*canonical)(const report_remote *remote, ov_buf *out, ov_err *err);
    bool needs_chart;
} source_provider;
extern const source_provider source_providers[];
extern const size_t source_provider_count;
/* By name or alias, or NULL. */
const source_provider *source_provider_find(ov_str name);
/* The table for people, a line a provider: name and aliases, strategies, examples of repo, note. */
void source_providers_describe(ov_buf *out);
/* The same behind a first line, for --help; the caller frees. */
char *source_providers_help(const char *purpose);

enum { SOURCE_KEY_MAX = 2048 };

/* All text owned; zero is empty. */
typedef struct {
    char *key;        /* "github/releases/coredns/coredns", "helm/index/https://charts.example.org" */
    char *provider;   /* canonical: "github", "helm" */
    char *strategy;   /* "releases", "tags"; helm: "index", or "tags" of a chart in a registry */
    char *repo;       /* canonical, see source_repo.h */
    char *list;       /* which of the source's lists a tracker wants: the chart of a Helm index, else "" */
    bool app_version; /* helm's appVersion: the list's appVersion is the candidate, not its version */
} source;

/* From a tracker's remoteVersion. OV_INVALID: "remoteVersion.provider: \"x\": expected one of github, helm, ..." and
 * the like. */
OV_MUST_CHECK ov_status source_resolve(const report_remote *remote, source *ret, ov_err *err);
/* The product whose cycles say when a tracker's running versions are at their end: endOfLife, or with provider
 * endoflife the repo. OV_NOT_FOUND: it names none. OV_INVALID: "remoteVersion.endOfLife: \"x\": expected a product
 * ...". */
OV_MUST_CHECK ov_status source_of_end_of_life(const report_remote *remote, source *ret, ov_err *err);
/* The product's name alone, of such a source; lives in it. */
ov_str source_product(const source *s);
void source_clear(source *s);

#endif
