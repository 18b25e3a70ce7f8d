/* Cuts a watch's answer, which arrives in pieces, into its lines: one event each. */
#ifndef OPVIC_COLLECTOR_KUBE_LINES_H
#define OPVIC_COLLECTOR_KUBE_LINES_H

#include "base/buf.h"
#include "base/status.h"

enum {
    KUBE_LINE_MAX = 8 * 1024 * 1024, /* bytes of one event; etcd keeps objects of 1.5 MiB */
    KUBE_LINE_KEPT_MAX = 64 * 1024   /* of memory that stays with an idle watch */
};

/* Zero is not ready: begin with kube_lines_init. */
typedef struct {
    ov_buf begun; /* the line that earlier pieces began */
} kube_lines;

/* Gets a line without its end, valid during the call; any status but OV_OK ends the feeding with it. */
typedef ov_status (*kube_line)(void *arg, ov_str line, ov_err *err);

void kube_lines_init(kube_lines *l);
void kube_lines_clear(kube_lines *l);
/* Empty lines are passed over. OV_INVALID for a line above KUBE_LINE_MAX, else what each returned. */
OV_MUST_CHECK ov_status kube_lines_feed(kube_lines *l, ov_str piece, kube_line each, void *arg, ov_err *err);

#endif
