/* The canonical forms of remoteVersion.repo: whatever spells the same upstream gives the same text. */
#ifndef OPVIC_PROTO_SOURCE_REPO_H
#define OPVIC_PROTO_SOURCE_REPO_H

#include "base/buf.h"
#include "base/status.h"
#include "proto/report.h"

/* Each appends its form. OV_INVALID: "remoteVersion.repo: \"x\": expected ...". Scheme and host come out in lower case,
 * without a default port; users and passwords are refused. */
OV_MUST_CHECK ov_status source_repo_github(const report_remote *remote, ov_buf *out, ov_err *err);
/* A repository's URL, or for oci://REGISTRY/PATH that of the chart in it: oci://REGISTRY/PATH/CHART. */
OV_MUST_CHECK ov_status source_repo_helm(const report_remote *remote, ov_buf *out, ov_err *err);
/* "REGISTRY/PATH", as image references are read (https://pkg.go.dev/github.com/distribution/reference): without a host
 * it is docker.io, whose single names are in library/. What is http:// stays so, https:// and oci:// are left out. */
OV_MUST_CHECK ov_status source_repo_oci(const report_remote *remote, ov_buf *out, ov_err *err);
/* A URL without ".git". */
OV_MUST_CHECK ov_status source_repo_git(const report_remote *remote, ov_buf *out, ov_err *err);
/* "https://HOST/GROUP[/GROUP...]/NAME" in lower case; without a host it is gitlab.com. */
OV_MUST_CHECK ov_status source_repo_gitlab(const report_remote *remote, ov_buf *out, ov_err *err);
/* "https://HOST[/PATH]/OWNER/NAME", the last two in lower case. */
OV_MUST_CHECK ov_status source_repo_gitea(const report_remote *remote, ov_buf *out, ov_err *err);
/* A product's name, or the URL of it at another server. */
#define SOURCE_PRODUCT_EXPECTED "a product of endoflife.date, such as nginx"
OV_MUST_CHECK ov_status source_repo_endoflife(const report_remote *remote, ov_buf *out, ov_err *err);

/* "remoteVersion.<member>: \"<value>\": expected <expected>"; OV_INVALID. */
ov_status source_unexpected(const char *member, ov_str value, const char *expected, ov_err *err);

#endif
