/* One document a key; what cannot be read is overwritten by whoever asks next. */
#include "services/fetcher/budget_bus.h"

#include "base/log.h"
#include "bus/streams.h"
#include "proto/subjects.h"
#include "base/poison.h"

enum { STORE_MS = 5000 };

static void subject_of(const budget_key *k, char out[SUBJECT_MAX])
{
    key_budget(ov_str_of(k->host), ov_str_of(k->credential), out);
}

static bool is_about(const budget_doc *d, const budget_key *k)
{
    return ov_str_eq(d->host, ov_str_of(k->host)) && ov_str_eq(d->credential, ov_str_of(k->credential));
}

/* A document that somebody removed leaves an empty message. */
static void decode(budget_bus *b, const budget_key *k, const ov_bus_in *m, budget_state *ret)
{
    OV_CLEANUP(budget_doc_clear) budget_doc d = {0};
    ov_err err = {0};
    if (!ov_bus_in_data(m).len) return;
    ov_status status = budget_doc_decode(ov_bus_in_data(m), &d, &err);
    if (status == OV_OK && !is_about(&d, k)) status = ov_fail(&err, OV_INVALID, "budget: host: does not fit the key");
    if (status == OV_OK) {
        *ret = d.state;
        return;
    }
    if (__atomic_exchange_n(&b->unreadable, ov_bus_in_seq(m), __ATOMIC_RELAXED) != ov_bus_in_seq(m))
        ov_log_warn("a stored budget cannot be read: nothing is known of it", "host", k->host, "reason", err.msg);
}

static ov_status load(void *arg, const budget_key *k, budget_state *ret, uint64_t *ret_revision, ov_err *err)
{
    budget_bus *b = arg;
    char subject[SUBJECT_MAX];
    subject_of(k, subject);
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *m = NULL;
    ov_status status = ov_bus_last_message(b->bus, STREAM_BUDGET, subject, &m, err);
    if (status != OV_OK && status != OV_NOT_FOUND) return status;
    *ret = (budget_state){0};
    *ret_revision = m ? ov_bus_in_seq(m) : 0;
    if (m) decode(b, k, m, ret);
    return OV_OK;
}

static ov_status save(void *arg, const budget_key *k, const budget_state *s, uint64_t revision, uint64_t *ret_revision,
                      ov_err *err)
{
    budget_bus *b = arg;
    char subject[SUBJECT_MAX];
    subject_of(k, subject);
    budget_doc d = {.host = ov_str_of(k->host), .credential = ov_str_of(k->credential), .state = *s};
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(BUDGET_BYTES_MAX);
    budget_doc_encode(&d, &body);
    ov_status status = ov_buf_finish(&body, "budget", err);
    if (status != OV_OK) return status;
    ov_bus_out m = OV_BUS_OUT(subject, ov_buf_str(&body));
    m.expect_last_subject_seq = (int64_t)revision;
    ov_bus_stored stored = {0};
    status = ov_bus_store_wait(b->bus, &m, STORE_MS, &stored, err);
    if (status != OV_OK) return status;
    if (stored.wrong_sequence) return ov_fail(err, OV_NOT_FOUND, "%s: another fetcher was faster", subject);
    if (stored.status != OV_OK) return ov_fail(err, stored.status, "%s: %s", subject, stored.text);
    *ret_revision = stored.seq;
    return OV_OK;
}

budget_store budget_bus_store(budget_bus *b)
{
    return (budget_store){.load = load, .save = save, .arg = b};
}
