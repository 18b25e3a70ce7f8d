/* One owner thread: inbox -> core -> leader; nothing here waits for the bus but short requests of the takeover. */
#include "services/aggregator/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "proto/subjects.h"
#include "base/poison.h"

enum {
    ARRIVALS_PER_ROUND = 256,
    ROUND_MS = 50,         /* whatever they cost */
    SLICE_STEPS = 1000000, /* of work on rules in a round: 50 ms at most */
    JOBS_IN_FLIGHT = 256,
    ENSURE_RETRY_MS = 1000,
    ENSURE_EVERY_MS = 30000, /* somebody may change a stream */
    GAUGES_MS = 200,
    CLOCK_MS = 100, /* jobs are planned so late at most */
    GATHER_NS = 500000,
    RESIGN_RESERVE_MS = 2000
};

struct shell {
    shell_options options;
    aggregate *core;
    ov_inbox *inbox;
    ov_bus *bus;
    readers readers;
    litter litter;
    teller teller;
    flush flush;
    leader leader;
    gauges gauges;
    atomic_size_t letters; /* jobs and dead letters under way */
    bool up, subscribed, ensured, was_ready;
    uint64_t oversize; /* documents that were logged */
    char trouble[160]; /* why the streams are not there */
    ov_mono ensure_at, ensured_at, clock_at, tick_at, gauges_at;
};

shell *shell_new(const shell_options *o, ov_metrics *metrics)
{
    shell *s = ov_zalloc(sizeof *s);
    s->options = *o;
    s->core = aggregate_new(&o->core);
    s->inbox = ov_inbox_new(READERS_INBOX, arrival_free);
    gauges_init(&s->gauges, metrics);
    return s;
}

void shell_free(shell *s)
{
    if (!s) return;
    ov_inbox_stop(s->inbox);
    ov_inbox_free(s->inbox);
    readers_clear(&s->readers);
    litter_clear(&s->litter);
    teller_clear(&s->teller);
    stored_clear(&s->flush.group);
    leader_clear(&s->leader);
    aggregate_free(s->core);
    free(s);
}

void shell_wake(void *arg)
{
    arrival_wake(((shell *)arg)->inbox);
}

void shell_on_bus(void *arg, ov_bus_change change, const char *text)
{
    (void)text;
    shell *s = arg;
    if (change != OV_BUS_UP && change != OV_BUS_DOWN) return;
    arrival *x = ov_zalloc(sizeof *x);
    x->kind = change == OV_BUS_UP ? ARRIVAL_UP : ARRIVAL_DOWN;
    if (!ov_inbox_put(s->inbox, x)) arrival_free(x);
}

/* Only the leader plans: others may lose it. */
static void on_ask(void *arg, ov_bus_in *m)
{
    shell *s = arg;
    arrival *x = ov_zalloc(sizeof *x);
    *x = (arrival){.kind = ARRIVAL_ASK, .message = m};
    if (!ov_inbox_try_put(s->inbox, x)) arrival_free(x);
}

static void wire(shell *s, ov_bus *bus)
{
    s->bus = bus;
    s->readers.bus = bus;
    s->readers.inbox = s->inbox;
    s->flush.core = s->core;
    s->flush.bus = bus;
    s->flush.inbox = s->inbox;
    s->flush.teller = &s->teller;
    s->flush.litter = &s->litter;
    leader *l = &s->leader;
    l->core = s->core;
    l->bus = bus;
    l->inbox = s->inbox;
    l->readers = &s->readers;
    l->flush = &s->flush;
    l->teller = &s->teller;
    l->litter = &s->litter;
    l->events_max_age_ms = s->options.topology.events_ms;
    leader_init(l);
}

/* ---- streams and readers ---- */

/* What the bus's last leader told: older outboxes need not be kept. */
static void learn_published(shell *s)
{
    outbox_end end;
    if (outbox_read_end(s->bus, &end, NULL) == OV_OK) aggregate_published(s->core, end.mark.from.seq);
}

/* State comes first: it is what everything else is compared with. */
static ov_status open_readers(shell *s, ov_err *err)
{
    ov_status st = OV_OK;
    if (!readers_is_open(&s->readers, INPUT_STATE)) {
        learn_published(s);
        st = readers_open(&s->readers, INPUT_STATE, err);
    }
    for (input_stream i = INPUT_REPORTS; st == OV_OK && i < INPUT_STREAMS; i++) {
        if (!aggregate_is_ready(s->core, INPUT_STATE)) return OV_OK;
        if (!readers_is_open(&s->readers, i)) st = readers_open(&s->readers, i, err);
    }
    return st;
}

/* A reader that waits misses its stream: somebody removed it. */
static bool misses_stream(shell *s, ov_mono now)
{
    char waiting[128];
    if (ov_mono_since(now, s->ensured_at) < ENSURE_RETRY_MS) return false;
    readers_waiting_for(&s->readers, waiting);
    return waiting[0];
}

static ov_status ensure(shell *s, ov_mono now, ov_err *err)
{
    if (!s->up || (now.ms < s->ensure_at.ms && !misses_stream(s, now))) return OV_OK;
    ov_err why = {0};
    ov_status st = topology_ensure(s->bus, &s->options.topology, &why);
    s->ensured = st == OV_OK;
    s->ensured_at = now;
    s->ensure_at = ov_mono_after(now, s->ensured ? ENSURE_EVERY_MS : ENSURE_RETRY_MS);
    if (st == OV_INVALID) return ov_fail(err, st, "%s", why.msg);
    if (st != OV_OK && strncmp(s->trouble, why.msg, sizeof s->trouble - 1) != 0)
        ov_log_warn("streams are not there yet", "error", why.msg);
    s->trouble[0] = '\0';
    if (st != OV_OK) memcpy(s->trouble, why.msg, sizeof s->trouble - 1);
    if (st == OV_OK && !s->subscribed)
        s->subscribed = ov_bus_subscribe(s->bus, SUBJECT_ASK_REFRESH, on_ask, s, &why) == OV_OK;
    return OV_OK;
}

static void show_replay(shell *s, ov_app *app)
{
    char waiting[128];
    readers_waiting_for(&s->readers, waiting);
    if (!s->up) {
        ov_app_set_waiting(app, "the bus");
    } else if (!s->ensured) {
        ov_app_set_waiting(app, "the streams: %s", s->trouble);
    } else if (waiting[0]) {
        ov_app_set_waiting(app, "%s", waiting);
    } else {
        bool state = aggregate_is_ready(s->core, INPUT_STATE), reports = aggregate_is_ready(s->core, INPUT_REPORTS);
        ov_app_set_waiting(app, "the replay of %s",
                           input_stream_name(!state     ? INPUT_STATE
                                             : !reports ? INPUT_REPORTS
                                                        : INPUT_LISTS));
    }
}

/* Once replayed it is ready, but for what stays so until somebody acts. */
static void show_readiness(shell *s, ov_app *app)
{
    ov_str subject;
    const char *why;
    s->was_ready |= aggregate_is_settled(s->core);
    if (!s->was_ready)
        show_replay(s, app);
    else if (s->leader.problem[0])
        ov_app_set_waiting(app, "the lead: %s", s->leader.problem);
    else if (s->flush.full[0])
        ov_app_set_waiting(app, "room in %s: %s", STREAM_STATE, s->flush.full);
    else if (tellings_refusal(&s->teller.waiting, &subject, &why))
        ov_app_set_waiting(app, "the event %.*s: %s", OV_STR_ARG(subject), why);
    else
        ov_app_set_waiting(app, "%s", "");
}

/* ---- arrivals ---- */

static void take_read(shell *s, const arrival *x, ov_mono now)
{
    input_stream stream;
    input in;
    if (!readers_current(&s->readers, x->slot, &stream)) return;
    leader_hears(&s->leader, stream, x->read, now);
    if (!readers_current(&s->readers, x->slot, &stream)) return; /* standing down opened another one */
    readers_input(x, stream, &in);
    if (stream == INPUT_STATE && in.kind == INPUT_MESSAGE)
        litter_seen(&s->litter, in.subject, !in.data.len, in.seq, now);
    aggregate_apply(s->core, &in, now);
}

static void take_up(shell *s, bool up, ov_mono now)
{
    s->up = up;
    s->ensured = s->ensured && up;
    s->ensure_at = now;
    if (!up) leader_stands_down(&s->leader, "the bus is away", now);
    aggregate_apply(s->core, &(input){.kind = up ? INPUT_BUS_UP : INPUT_BUS_DOWN}, now);
}

static void take_arrival(shell *s, arrival *x, ov_mono now)
{
    switch (x->kind) {
    case ARRIVAL_READ:
        take_read(s, x, now);
        break;
    case ARRIVAL_ASK:
        aggregate_apply(s->core, &(input){.kind = INPUT_REFRESH, .subject = ov_bus_in_subject(x->message)}, now);
        break;
    case ARRIVAL_UP:
    case ARRIVAL_DOWN:
        take_up(s, x->kind == ARRIVAL_UP, now);
        break;
    case ARRIVAL_JOB_FAILED:
        aggregate_job_failed(s->core, ov_str_of(x->text));
        break;
    case ARRIVAL_WAKE:
        break;
    }
    arrival_free(x);
}

/* ---- effects ---- */

/* A job or dead letter under way. */
typedef struct {
    shell *shell;
    char *source; /* NULL: a dead letter */
} letter;

static void on_letter_stored(void *arg, const ov_bus_stored *result)
{
    letter *l = arg;
    if (result->status != OV_OK && l->source) {
        arrival *x = ov_zalloc(sizeof *x);
        *x = (arrival){.kind = ARRIVAL_JOB_FAILED, .text = OV_TAKE(l->source)};
        if (!ov_inbox_try_put(l->shell->inbox, x)) arrival_free(x); /* planned again when its patience ends */
    }
    atomic_fetch_sub(&l->shell->letters, 1);
    free(l->source);
    free(l);
}

static void send_letter(shell *s, effect *e)
{
    ov_err err = {0};
    char epoch[24];
    snprintf(epoch, sizeof epoch, "%lld", (long long)s->leader.epoch);
    ov_bus_out m = OV_BUS_OUT(e->subject, ((ov_str){e->body, e->len}));
    m.msg_id = e->msg_id;
    m.headers[0] = (ov_bus_header){HEADER_EPOCH, epoch};
    if (e->kind == EFFECT_DEAD) {
        m.headers[1] = (ov_bus_header){HEADER_REASON, e->reason};
        m.headers[2] = (ov_bus_header){HEADER_SUBJECT, e->origin};
        ov_log_warn("message cannot be read", "subject", e->origin, "error", e->reason, "copy", e->subject);
    }
    letter *l = ov_zalloc(sizeof *l);
    *l = (letter){.shell = s, .source = OV_TAKE(e->source)};
    atomic_fetch_add(&s->letters, 1);
    if (ov_bus_store(s->bus, &m, STORED_TIMEOUT_MS, on_letter_stored, l, &err) == OV_OK) return;
    if (l->source) aggregate_job_failed(s->core, ov_str_of(l->source));
    atomic_fetch_sub(&s->letters, 1);
    free(l->source);
    free(l);
}

static void send_ask(shell *s, const effect *e)
{
    ov_err err = {0};
    ov_bus_out m = OV_BUS_OUT(e->subject, ((ov_str){e->body, e->len}));
    if (ov_bus_publish(s->bus, &m, &err) != OV_OK)
        ov_log_debug("ask not sent", "subject", e->subject, "error", err.msg);
}

static void send_effects(shell *s)
{
    effect e;
    while (atomic_load(&s->letters) < JOBS_IN_FLIGHT && aggregate_next_effect(s->core, &e)) {
        if (e.kind == EFFECT_ASK)
            send_ask(s, &e);
        else
            send_letter(s, &e);
        effect_clear(&e);
    }
}

/* ---- the loop ---- */

static void update_gauges(shell *s, ov_mono now)
{
    bool replayed = aggregate_is_settled(s->core) && !s->was_ready; /* readiness is told with its figures */
    if (now.ms < s->gauges_at.ms && !replayed) return;
    s->gauges_at = ov_mono_after(now, GAUGES_MS);
    gauges_shell g = {.leads = leader_leads(&s->leader),
                      .events_published = s->teller.published,
                      .event_failures = s->teller.failures,
                      .state_writes = s->flush.written,
                      .state_refusals = s->flush.refusals,
                      .events_refused = tellings_refused_count(&s->teller.waiting),
                      .outbox_pending = teller_pending(&s->teller),
                      .inbox_length = ov_inbox_length(s->inbox)};
    gauges_update(&s->gauges, s->core, &g);
}

static void tick(shell *s, ov_mono now)
{
    if (now.ms >= s->clock_at.ms) {
        s->clock_at = ov_mono_after(now, CLOCK_MS);
        aggregate_apply(s->core, &(input){.kind = INPUT_CLOCK}, now);
    }
    if (now.ms < s->tick_at.ms) return;
    s->tick_at = ov_mono_after(now, s->options.reconciler_interval_ms);
    aggregate_apply(s->core, &(input){.kind = INPUT_TICK}, now);
    if (!leader_leads(&s->leader) && s->ensured) learn_published(s);
}

/* Where something came more comes: waking up for each message would cost more than the message. */
static void gather(const shell *s)
{
    if (ov_inbox_length(s->inbox) == 0) nanosleep(&(struct timespec){.tv_nsec = GATHER_NS}, NULL);
}

static void take_arrivals(shell *s, ov_mono deadline)
{
    size_t taken = 0;
    ov_mono until = {INT64_MAX};
    while (taken < ARRIVALS_PER_ROUND) {
        arrival *x = ov_inbox_take(s->inbox, taken ? (ov_mono){0} : deadline);
        ov_mono now = ov_mono_now();
        if (!x) break;
        if (!taken++) until = ov_mono_after(now, ROUND_MS);
        take_arrival(s, x, now);
        if (now.ms >= until.ms) break;
    }
    if (taken > 1) gather(s);
}

static void log_oversize(shell *s)
{
    const aggregate_counters *c = aggregate_figures(s->core);
    if (c->oversize == s->oversize) return;
    s->oversize = c->oversize;
    ov_log_error("a document is too large: it is not written", "key", c->oversize_key);
}

static void advance(shell *s)
{
    ov_mono now = ov_mono_now();
    tick(s, now);
    aggregate_work(s->core, SLICE_STEPS);
    if (s->ensured) leader_step(&s->leader, now);
    send_effects(s);
    log_oversize(s);
    update_gauges(s, now);
}

static ov_mono next_deadline(const shell *s)
{
    ov_mono now = ov_mono_now(), at = leader_deadline(&s->leader, now);
    if (aggregate_has_rules(s->core)) return now;
    if (leader_leads(&s->leader) && s->clock_at.ms < at.ms) at = s->clock_at;
    return s->tick_at.ms < at.ms ? s->tick_at : at;
}

ov_status shell_run(shell *s, ov_app *app, ov_err *err)
{
    ov_status st = OV_OK;
    wire(s, ov_app_bus(app));
    while (st == OV_OK && !ov_app_stopping(app)) {
        take_arrivals(s, next_deadline(s));
        st = ensure(s, ov_mono_now(), err);
        if (st == OV_OK && s->ensured) st = open_readers(s, err);
        advance(s);
        show_readiness(s, app);
    }
    return st;
}

static bool is_busy(const shell *s)
{
    return leader_leads(&s->leader) && flush_is_moving(&s->flush);
}

void shell_drain(shell *s, int64_t drain_ms)
{
    if (!s->bus) return;
    ov_mono until = ov_mono_after(ov_mono_now(), drain_ms - RESIGN_RESERVE_MS);
    s->flush.closing = true;
    while (is_busy(s) && ov_mono_now().ms < until.ms) {
        take_arrivals(s, ov_mono_after(ov_mono_now(), 10));
        leader_step(&s->leader, ov_mono_now());
    }
    leader_resigns(&s->leader);
    leader_stands_down(&s->leader, "stopping", ov_mono_now());
    ov_inbox_stop(s->inbox);
}
