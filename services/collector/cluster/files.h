/* A cluster read from a folder of dumps: every .yaml, .yml or .json file is a section, read again when it changes. */
#ifndef OPVIC_COLLECTOR_CLUSTER_FILES_H
#define OPVIC_COLLECTOR_CLUSTER_FILES_H

#include "metrics/metrics.h"
#include "services/collector/cluster/cluster.h"

enum {
    FILES_BYTES_MAX = 256 * 1024 * 1024, /* of one dump */
    FILES_KEPT_MAX = 64 * 1024 * 1024,   /* of dumps that wait for their turn; beyond, a file is read a second time */
    FILES_CHECK_MS = 1000                /* between two looks at the folder */
};

/* Fills *ret; its free ends it. Events come in step alone. dir is copied; errors (or NULL; kept) counts what could not
 * be read. Names that begin with a dot, other endings and what is not a regular file are ignored. Nothing is read
 * before the first step. OV_INVALID when the folder cannot be opened: "cluster.files: \"/dumps\": No such file or
 * directory". */
OV_MUST_CHECK ov_status files_open(const char *dir, ov_metric *errors, cluster_sink sink, void *arg, cluster *ret,
                                   ov_err *err);

#endif
