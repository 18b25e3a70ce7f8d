/* Publishes lists in parts where they are large, purges the parts that they replace, then the outcome; all fenced. */
#include "services/fetcher/publish.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "bus/streams.h"
#include "proto/parts.h"
#include "proto/subjects.h"
#include "base/poison.h"

enum {
    STORE_MS = 5000, /* one try */
    STORE_TRIES = 6,
    WAIT_MS = 250,
    WAIT_MAX_MS = 4000,
    LOOKUP_BODY_MAX = 8 * 1024 * 1024
};

/* Somebody stored there: we ourselves, by a try that was not answered, or another fetcher. */
static ov_status judge_conflict(const publisher *p, const ov_bus_out *m, ov_err *err)
{
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *last = NULL;
    ov_status status = ov_bus_last_message(p->bus, STREAM_LISTS, m->subject, &last, err);
    if (status == OV_OK && ov_str_eq(ov_bus_in_data(last), m->data)) return OV_OK;
    if (status != OV_OK && status != OV_NOT_FOUND) return status;
    return ov_fail(err, OV_NOT_FOUND, "%s: another fetcher has stored meanwhile", m->subject);
}

static ov_status store_once(const publisher *p, const ov_bus_out *m, ov_err *err)
{
    ov_bus_stored stored = {0};
    ov_status status = ov_bus_store_wait(p->bus, m, STORE_MS, &stored, err);
    if (status != OV_OK || stored.status == OV_OK) return status;
    if (stored.wrong_sequence) return judge_conflict(p, m, err);
    return ov_fail(err, stored.status, "%s: %s", m->subject, stored.text);
}

/* All that is stored here is idempotent, so that a try without an answer is simply made again. */
static ov_status store(const publisher *p, const ov_bus_out *m, ov_err *err)
{
    ov_backoff backoff = {.base_ms = WAIT_MS, .max_ms = WAIT_MAX_MS};
    for (unsigned tries = 1;; tries++) {
        if (p->alive) p->alive(p->arg);
        ov_status status = store_once(p, m, err);
        if (status != OV_RETRY || tries == STORE_TRIES || ov_inbox_is_stopped(p->stopping)) return status;
        int64_t wait_ms = ov_backoff_next_ms(&backoff, ov_random_u64());
        (void)ov_inbox_take(p->stopping, ov_mono_after(ov_mono_now(), wait_ms));
    }
}

static size_t message_limit(const publisher *p)
{
    return (size_t)(ov_bus_max_payload(p->bus) / 4 * 3);
}

/* The new manifest counts already: parts that stay cost room and nothing else. */
static void purge_parts(const publisher *p, const char *subject, const char *revision)
{
    char old[SUBJECT_MAX + 32];
    snprintf(old, sizeof old, "%s.%s.>", subject, revision);
    ov_err why = {0};
    if (p->alive) p->alive(p->arg);
    if (ov_bus_stream_purge(p->bus, STREAM_LISTS, old, &why) != OV_OK)
        ov_log_warn("old parts of a list stay", "subject", old, "reason", why.msg);
}

/* Parts are named by what is in them, so that they harm nobody; the last message is what counts and is fenced. */
static ov_status publish_list(const publisher *p, const job *j, const earlier_list *before, ov_str body, ov_err *err)
{
    char subject[SUBJECT_MAX];
    subject_list(j->source, before->name, subject);
    OV_CLEANUP(parts_clear) parts cut = {0};
    parts_split(subject, body, message_limit(p), &cut);
    for (size_t i = 0; i < cut.count; i++) {
        ov_bus_out m = OV_BUS_OUT(cut.messages[i].subject, cut.messages[i].data);
        if (i + 1 == cut.count) m.expect_last_subject_seq = (int64_t)before->seq;
        ov_status status = store(p, &m, err);
        if (status != OV_OK) return status;
    }
    if (before->revision[0] && strcmp(before->revision, cut.revision) != 0) purge_parts(p, subject, before->revision);
    return OV_OK;
}

typedef struct {
    list versions; /* views into body */
    ov_buf body;
} earlier_body;

typedef struct {
    lookup_list *lists;
    char (*digests)[REPORT_DIGEST_HEX];
} stored_lists;

static void stored_lists_clear(stored_lists *s)
{
    free(s->lists);
    free(s->digests);
}

static void earlier_body_clear(earlier_body *b)
{
    list_clear(&b->versions);
    ov_buf_clear(&b->body);
}

/* A truncated list goes on from the one that stands, which is read for it; a damaged one stands for nobody. */
static ov_status make_list(const publisher *p, const job *j, const version_list *from, const earlier *before, size_t at,
                           outcome_list *ret, ov_err *err)
{
    OV_CLEANUP(earlier_body_clear) earlier_body stood = {0};
    ov_status status = OV_NOT_FOUND;
    ov_err why = {0};
    *ret = (outcome_list){0};
    if (from->truncated && before->lists[at].seq > 0) {
        status = earlier_list_read(p->bus, j, &before->lists[at], p->alive, p->arg, &stood.versions, &stood.body, &why);
        if (status == OV_INVALID) return ov_fail(err, OV_NOT_FOUND, "%s", why.msg);
        if (status != OV_OK && status != OV_NOT_FOUND) return ov_fail(err, status, "%s", why.msg);
        if (status != OV_OK)
            ov_log_warn("the list before cannot be read: a truncated one replaces it", "reason", why.msg);
    }
    return outcome_list_make(j, from, status == OV_OK ? &stood.versions : NULL, earlier_outcome(before), ret, err);
}

static ov_status publish_lists(const publisher *p, const job *j, const look_result *r, const earlier *before,
                               stored_lists *ret, ov_err *err)
{
    ret->lists = ov_calloc(r->lists.count, sizeof *ret->lists);
    ret->digests = ov_calloc(r->lists.count, sizeof *ret->digests);
    for (size_t i = 0; i < r->lists.count; i++) {
        const version_list *from = &r->lists.lists[i];
        outcome_list one;
        ov_status status = make_list(p, j, from, before, i, &one, err);
        if (status == OV_OK && one.changed) status = publish_list(p, j, &before->lists[i], ov_buf_str(&one.body), err);
        memcpy(ret->digests[i], one.digest, sizeof one.digest);
        ret->lists[i] = (lookup_list){from->name, ov_str_of(ret->digests[i]), (int64_t)one.count, false};
        ov_buf_clear(&one.body);
        if (status != OV_OK) return status;
    }
    return OV_OK;
}

static void make_too_large(look_result *r, const ov_err *why)
{
    r->outcome = LOOKUP_FAILED;
    r->failure = FAILURE_TOO_LARGE;
    snprintf(r->message, sizeof r->message, "%s", why->msg);
}

/* A look that found every list as it was stores none, so that lists alone do not tell that a job was done meanwhile. */
static ov_status check_outcome(const publisher *p, const job *j, const earlier *before, ov_err *err)
{
    char subject[SUBJECT_MAX];
    subject_lookup(j->source, subject);
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *last = NULL;
    ov_status status = ov_bus_last_message(p->bus, STREAM_LISTS, subject, &last, err);
    if (status != OV_OK && status != OV_NOT_FOUND) return status;
    if ((last ? ov_bus_in_seq(last) : 0) == before->seq) return OV_OK;
    return ov_fail(err, OV_NOT_FOUND, "%s: another fetcher has stored meanwhile", subject);
}

static ov_status publish_outcome(const publisher *p, const job *j, const look_result *r, const earlier *before,
                                 const lookup_list *lists, int64_t now_s, ov_err *err)
{
    lookup outcome;
    outcome_make(j, r, earlier_outcome(before), lists, now_s, &outcome);
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(LOOKUP_BODY_MAX);
    lookup_encode(&outcome, &body);
    free(outcome.lists);
    ov_status status = ov_buf_finish(&body, "lookup", err);
    if (status != OV_OK) return status;
    char subject[SUBJECT_MAX];
    subject_lookup(j->source, subject);
    ov_bus_out m = OV_BUS_OUT(subject, ov_buf_str(&body));
    m.expect_last_subject_seq = (int64_t)before->seq;
    return store(p, &m, err);
}

ov_status publish_look(const publisher *p, const job *j, look_result *r, const earlier *before, int64_t now_s,
                       ov_err *err)
{
    OV_CLEANUP(stored_lists_clear) stored_lists stored = {0};
    outcome_doubt(earlier_outcome(before), r);
    if (r->outcome == LOOKUP_COMPLETE) {
        ov_err why = {0};
        ov_status status = check_outcome(p, j, before, &why);
        if (status == OV_OK) status = publish_lists(p, j, r, before, &stored, &why);
        if (status == OV_INVALID)
            make_too_large(r, &why);
        else if (status != OV_OK)
            return ov_fail(err, status, "%s", why.msg);
    }
    return publish_outcome(p, j, r, before, stored.lists, now_s, err);
}

ov_status publish_dead_job(const publisher *p, const ov_bus_in *m, const char *reason, ov_err *err)
{
    char subject[SUBJECT_MAX];
    subject_dead(STREAM_JOBS, ov_bus_in_seq(m), subject);
    OV_CLEANUP(ov_free_p) char *stood = ov_dup(ov_bus_in_subject(m));
    ov_bus_out out = OV_BUS_OUT(subject, ov_bus_in_data(m));
    out.headers[0] = (ov_bus_header){HEADER_REASON, reason};
    out.headers[1] = (ov_bus_header){HEADER_SUBJECT, stood};
    return store(p, &out, err);
}
