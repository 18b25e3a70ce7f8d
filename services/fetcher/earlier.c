/* Reads the last messages of a source's lists, then of its outcome, and compares them. */
#include "services/fetcher/earlier.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "bus/streams.h"
#include "proto/members.h"
#include "proto/parts.h"
#include "proto/subjects.h"
#include "base/poison.h"

static void read_revision(ov_str body, char out[17])
{
    static const ov_field fields[] = {{MEMBER_REVISION, OV_FIELD_STRING, true, 0}};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    ov_str revision = {0};
    if (ov_json_fields_of(body, fields, 1, &revision, &arena, "manifest", NULL) != OV_OK) return;
    if (revision.len == 16) snprintf(out, 17, "%.*s", OV_STR_ARG(revision));
}

static ov_status read_list(ov_bus *bus, const job *j, earlier_list *l, ov_err *err)
{
    char subject[SUBJECT_MAX];
    subject_list(j->source, l->name, subject);
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *m = NULL;
    ov_status status = ov_bus_last_message(bus, STREAM_LISTS, subject, &m, err);
    if (status == OV_NOT_FOUND) return OV_OK;
    if (status != OV_OK) return status;
    l->seq = ov_bus_in_seq(m);
    read_revision(ov_bus_in_data(m), l->revision);
    return OV_OK;
}

typedef struct {
    ov_bus *bus;
    const char *subject; /* of the manifest */
    void (*alive)(void *arg);
    void *arg;
    parts_joiner *joiner;
    ov_str body;
} whole;

static void whole_clear(whole *w)
{
    parts_joiner_free(w->joiner);
}

static ov_status take(whole *w, const char *subject, const ov_bus_in *m, ov_err *err)
{
    ov_str of;
    ov_status status = parts_join(w->joiner, ov_str_of(subject), ov_bus_in_data(m), &of, &w->body, err);
    return status == OV_OK ? OV_OK : OV_NOT_FOUND;
}

/* Parts first, so that the manifest completes them; the first that is missing is behind the last. */
static ov_status take_parts(whole *w, const char *revision, ov_err *err)
{
    for (unsigned i = 0;; i++) {
        char subject[SUBJECT_MAX + 64];
        snprintf(subject, sizeof subject, "%s.%s.%u", w->subject, revision, i);
        OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *part = NULL;
        if (w->alive) w->alive(w->arg);
        ov_status status = ov_bus_last_message(w->bus, STREAM_LISTS, subject, &part, err);
        if (status == OV_NOT_FOUND) return OV_OK;
        if (status == OV_OK) status = take(w, subject, part, err);
        if (status != OV_OK) return status;
    }
}

ov_status earlier_list_read(ov_bus *bus, const job *j, const earlier_list *l, void (*alive)(void *arg), void *arg,
                            list *ret, ov_buf *ret_body, ov_err *err)
{
    char subject[SUBJECT_MAX];
    subject_list(j->source, l->name, subject);
    OV_CLEANUP(whole_clear) whole w = {.bus = bus, .subject = subject, .alive = alive, .arg = arg};
    w.joiner = parts_joiner_new(LIST_BYTES_MAX, LIST_BYTES_MAX);
    if (l->seq == 0) return ov_fail(err, OV_NOT_FOUND, "%s: no list", subject);
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *m = NULL;
    ov_status status = ov_bus_last_message(bus, STREAM_LISTS, subject, &m, err);
    if (status != OV_OK && status != OV_NOT_FOUND) return status;
    if (status != OV_OK || ov_bus_in_seq(m) != l->seq)
        return ov_fail(err, OV_INVALID, "%s: another fetcher has stored meanwhile", subject);
    if (l->revision[0]) status = take_parts(&w, l->revision, err);
    if (status == OV_OK) status = take(&w, subject, m, err);
    if (status != OV_OK) return status;
    if (!w.body.ptr) return ov_fail(err, OV_NOT_FOUND, "%s: parts are missing", subject);
    *ret_body = OV_BUF(LIST_BYTES_MAX);
    ov_buf_append_str(ret_body, w.body);
    status = ov_buf_finish(ret_body, "list", err);
    if (status == OV_OK) status = list_decode(ov_buf_str(ret_body), ret, err);
    return status == OV_OK ? OV_OK : OV_NOT_FOUND;
}

static ov_status read_outcome(ov_bus *bus, const job *j, earlier *e, ov_err *err)
{
    char subject[SUBJECT_MAX];
    subject_lookup(j->source, subject);
    ov_status status = ov_bus_last_message(bus, STREAM_LISTS, subject, &e->stored, err);
    if (status == OV_NOT_FOUND) return OV_OK;
    if (status != OV_OK) return status;
    e->seq = ov_bus_in_seq(e->stored);
    e->has_outcome = lookup_decode(ov_bus_in_data(e->stored), &e->outcome, err) == OV_OK;
    if (!e->has_outcome)
        ov_log_warn("an earlier outcome cannot be read: looking as if there were none", "reason", err->msg);
    return OV_OK;
}

/* Lists are stored before the outcome that counts them: one that came after it belongs to a look without an outcome. */
static bool is_as_said(const earlier_list *l, const lookup_list *said, uint64_t outcome_seq)
{
    return l->seq < outcome_seq && (l->seq > 0 || said->digest.len == 0);
}

static void forget(lookup *outcome, const earlier_list *l, uint64_t outcome_seq)
{
    for (size_t i = 0; i < outcome->list_count; i++) {
        lookup_list *said = &outcome->lists[i];
        if (!ov_str_eq(said->list, l->name) || is_as_said(l, said, outcome_seq)) continue;
        *said = outcome->lists[--outcome->list_count];
        return;
    }
}

ov_status earlier_read(ov_bus *bus, const job *j, void (*alive)(void *arg), void *arg, earlier *ret, ov_err *err)
{
    *ret = (earlier){.list_count = j->list_count ? j->list_count : 1};
    ret->lists = ov_calloc(ret->list_count, sizeof *ret->lists);
    ov_status status = OV_OK;
    for (size_t i = 0; i < ret->list_count && status == OV_OK; i++) {
        if (j->list_count) ret->lists[i].name = j->lists[i];
        if (alive) alive(arg);
        status = read_list(bus, j, &ret->lists[i], err);
    }
    if (status == OV_OK) status = read_outcome(bus, j, ret, err);
    for (size_t i = 0; i < ret->list_count; i++) forget(&ret->outcome, &ret->lists[i], ret->seq);
    return status;
}

const lookup *earlier_outcome(const earlier *e)
{
    return e->has_outcome ? &e->outcome : NULL;
}

void earlier_clear(earlier *e)
{
    lookup_clear(&e->outcome);
    ov_bus_in_free(e->stored);
    free(e->lists);
}
