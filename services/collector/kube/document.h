/* A foreign text that is one YAML or JSON document, as JSON. */
#ifndef OPVIC_COLLECTOR_KUBE_DOCUMENT_H
#define OPVIC_COLLECTOR_KUBE_DOCUMENT_H

#include "crypto/secret.h"

enum { KUBE_FILE_MAX = 1024 * 1024 /* bytes of any file that is read here */, KUBE_JSON_MAX = 4 * 1024 * 1024 };

/* A regular file's bytes, at most KUBE_FILE_MAX; out as ov_secret_buf(KUBE_FILE_MAX + 1) makes it. OV_NOT_FOUND:
 * there is no such file; OV_FAILED: all else. err is the bare reason ("Permission denied"). */
OV_MUST_CHECK ov_status kube_file_read(const char *path, ov_buf *out, ov_err *err);

/* Appends the JSON text of the only document; "null" when there is none. OV_INVALID: "line 3, column 5: ...". */
OV_MUST_CHECK ov_status kube_document_json(ov_str text, ov_buf *out, ov_err *err);

#endif
