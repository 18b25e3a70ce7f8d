/* Collects the reports of all trackers and writes them sorted. */
#include "services/collector/print.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

typedef struct {
    char *id, *body;
    size_t len;
} line;

typedef struct {
    line *items;
    size_t count, cap;
} lines;

static void lines_clear(lines *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].id);
        free(l->items[i].body);
    }
    free(l->items);
}

static int by_id(const void *a, const void *b)
{
    return ov_str_cmp(ov_str_of(((const line *)a)->id), ov_str_of(((const line *)b)->id));
}

static void lines_collect(lines *l, tracking *t)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(REPORT_BYTES_MAX);
    ov_str id;
    ov_mono ignored;
    while (tracking_next_change(t, NULL, &id, &body, &ignored)) {
        if (body.len == 0) continue;
        ov_grow(&l->items, &l->cap, l->count + 1, sizeof *l->items);
        l->items[l->count++] = (line){ov_dup(id), ov_dup(ov_buf_str(&body)), body.len};
    }
    if (l->count > 0) qsort(l->items, l->count, sizeof *l->items, by_id);
}

static void print_condition(const line *l, FILE *problems)
{
    report r = {0};
    ov_err err = {0};
    if (report_decode((ov_str){l->body, l->len}, &r, &err) != OV_OK) {
        fprintf(problems, "tracker %s: %s\n", l->id, err.msg);
        return;
    }
    if (r.reason != REPORT_FINE)
        fprintf(problems, "tracker %s: %s: %.*s\n", l->id, report_reason_name(r.reason), OV_STR_ARG(r.message));
    report_clear(&r);
}

ov_status print_reports(tracking *t, FILE *out, FILE *problems, ov_err *err)
{
    OV_CLEANUP(lines_clear) lines l = {0};
    lines_collect(&l, t);
    if (l.count == 0) fprintf(problems, "no VersionTrackers in the cluster: nothing to report\n");
    for (size_t i = 0; i < l.count; i++) {
        fwrite(l.items[i].body, 1, l.items[i].len, out);
        fputc('\n', out);
        print_condition(&l.items[i], problems);
    }
    if (fflush(out) != 0 || ferror(out)) return ov_fail(err, OV_FAILED, "standard output: %s", strerror(errno));
    return OV_OK;
}
