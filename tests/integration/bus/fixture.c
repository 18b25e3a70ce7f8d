/* Helpers of the bus's tests. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool fixture_wait(bool (*cond)(void *arg), void *arg)
{
    ov_mono deadline = ov_mono_after(ov_mono_now(), FIXTURE_WAIT_MS);
    while (!cond(arg)) {
        if (ov_mono_since(ov_mono_now(), deadline) > 0) return false;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    return true;
}

/* ---- a bus ---- */

static void on_change(void *arg, ov_bus_change change, const char *text)
{
    fixture_bus *f = arg;
    pthread_mutex_lock(&f->mu);
    f->ups += change == OV_BUS_UP;
    f->downs += change == OV_BUS_DOWN;
    f->refusals += change == OV_BUS_DENIED;
    if (change == OV_BUS_DENIED) snprintf(f->refused, sizeof f->refused, "%s", text);
    pthread_mutex_unlock(&f->mu);
}

void fixture_open(fixture_bus *f, const test_nats *server, const char *user, const ov_secret *password)
{
    *f = (fixture_bus){0};
    pthread_mutex_init(&f->mu, NULL);
    ov_bus_options o = {.url = test_nats_url(server), .name = "test", .user = user, .password = password};
    ov_err err = {0};
    if (!CHECK_OK(ov_bus_open(&o, on_change, f, &f->bus, &err), &err) || !CHECK(fixture_wait_ups(f, 1)))
        exit(EXIT_FAILURE);
}

void fixture_close(fixture_bus *f)
{
    ov_bus_close(f->bus, 1000);
    pthread_mutex_destroy(&f->mu);
}

int fixture_ups(fixture_bus *f)
{
    pthread_mutex_lock(&f->mu);
    int ups = f->ups;
    pthread_mutex_unlock(&f->mu);
    return ups;
}

typedef struct {
    fixture_bus *f;
    int ups;
} ups_wanted;

static bool has_ups(void *arg)
{
    const ups_wanted *w = arg;
    return fixture_ups(w->f) >= w->ups && ov_bus_is_up(w->f->bus);
}

bool fixture_wait_ups(fixture_bus *f, int ups)
{
    return fixture_wait(has_ups, &(ups_wanted){f, ups});
}

static bool is_down(void *f)
{
    return !ov_bus_is_up(((fixture_bus *)f)->bus);
}

bool fixture_wait_down(fixture_bus *f)
{
    return fixture_wait(is_down, f);
}

static bool has_refusal(void *arg)
{
    fixture_bus *f = arg;
    pthread_mutex_lock(&f->mu);
    bool has = f->refusals > 0;
    pthread_mutex_unlock(&f->mu);
    return has;
}

bool fixture_wait_refusal(fixture_bus *f, char out[256])
{
    bool came = fixture_wait(has_refusal, f);
    pthread_mutex_lock(&f->mu);
    snprintf(out, 256, "%s", f->refused);
    pthread_mutex_unlock(&f->mu);
    return came;
}

void fixture_stream(ov_bus *bus, const char *name, const char *subject)
{
    const char *subjects[] = {subject, NULL};
    ov_bus_stream want = {.name = name,
                          .subjects = subjects,
                          .description = "of a test",
                          .replicas = 1,
                          .max_bytes = -1,
                          .max_msgs = -1,
                          .max_msgs_per_subject = 1,
                          .duplicate_window_ms = 60000};
    ov_err err = {0};
    ov_mono deadline = ov_mono_after(ov_mono_now(), FIXTURE_WAIT_MS);
    ov_status s;
    while ((s = ov_bus_stream_ensure(bus, &want, &err)) == OV_RETRY && ov_mono_since(ov_mono_now(), deadline) < 0)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    CHECK_OK(s, &err);
}

uint64_t fixture_put(ov_bus *bus, const char *subject, const char *text)
{
    ov_bus_out out = OV_BUS_OUT(subject, ov_str_of(text));
    ov_bus_stored stored = {.status = OV_RETRY};
    ov_err err = {0};
    ov_mono deadline = ov_mono_after(ov_mono_now(), FIXTURE_WAIT_MS);
    while (ov_mono_since(ov_mono_now(), deadline) < 0) {
        ov_status s = ov_bus_store_wait(bus, &out, 5000, &stored, &err);
        if (s == OV_OK && stored.status == OV_OK) return stored.seq;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    CHECK_C(stored.text, "stored");
    return 0;
}

/* ---- what a reader gave ---- */

void fixture_record_init(fixture_record *r)
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->mu, NULL);
}

static void copy(char *out, size_t size, ov_str text)
{
    snprintf(out, size, "%.*s", OV_STR_ARG(text));
}

static void take_message(fixture_record *r, ov_bus_in *m)
{
    ov_str subject = ov_bus_in_subject(m);
    int i = 0;
    while (i < r->item_count && !ov_str_eq(ov_str_of(r->items[i].subject), subject)) i++;
    if (i == RECORD_SUBJECTS) abort();
    if (i == r->item_count) r->item_count++;
    copy(r->items[i].subject, sizeof r->items[i].subject, subject);
    copy(r->items[i].text, sizeof r->items[i].text, ov_bus_in_data(m));
    r->items[i].generation = r->snapshots;
    if (r->snapshots == 0 || ov_bus_in_seq(m) <= r->seq) r->out_of_order = true;
    r->seq = ov_bus_in_seq(m);
    r->messages++;
    ov_bus_in_free(m);
}

static void take_snapshot(fixture_record *r, const ov_bus_read *event)
{
    r->snapshots++;
    r->ready = false;
    r->seq = 0;
    r->created = event->stream_created;
    r->last_seq = event->last_seq;
}

static void take_ready(fixture_record *r)
{
    if (r->ready || r->snapshots == 0) r->out_of_order = true;
    r->ready = true;
    r->readies++;
}

void fixture_on_read(void *record, const ov_bus_read *event)
{
    fixture_record *r = record;
    pthread_mutex_lock(&r->mu);
    if (event->kind == OV_READ_MESSAGE) take_message(r, event->message);
    if (event->kind == OV_READ_SNAPSHOT) take_snapshot(r, event);
    if (event->kind == OV_READ_READY) take_ready(r);
    pthread_mutex_unlock(&r->mu);
}

typedef struct {
    fixture_record *r;
    int snapshots;
    const char *subject, *text;
} record_wanted;

static bool is_ready(void *arg)
{
    const record_wanted *w = arg;
    pthread_mutex_lock(&w->r->mu);
    bool ready = w->r->ready && w->r->snapshots >= w->snapshots;
    pthread_mutex_unlock(&w->r->mu);
    return ready;
}

bool fixture_wait_ready(fixture_record *r, int snapshots)
{
    return fixture_wait(is_ready, &(record_wanted){.r = r, .snapshots = snapshots});
}

/* After READY what was not given in the present snapshot is gone. */
static const char *text_of(const fixture_record *r, const char *subject)
{
    for (int i = 0; i < r->item_count; i++)
        if (strcmp(r->items[i].subject, subject) == 0)
            return r->items[i].generation == r->snapshots ? r->items[i].text : NULL;
    return NULL;
}

static bool has_text(void *arg)
{
    const record_wanted *w = arg;
    pthread_mutex_lock(&w->r->mu);
    const char *text = text_of(w->r, w->subject);
    bool same = w->text ? text && strcmp(text, w->text) == 0 : !text && w->r->ready;
    pthread_mutex_unlock(&w->r->mu);
    return same;
}

bool fixture_wait_text(fixture_record *r, const char *subject, const char *text)
{
    return fixture_wait(has_text, &(record_wanted){.r = r, .subject = subject, .text = text});
}

int fixture_live(fixture_record *r)
{
    int live = 0;
    pthread_mutex_lock(&r->mu);
    for (int i = 0; i < r->item_count; i++) live += r->items[i].generation == r->snapshots;
    pthread_mutex_unlock(&r->mu);
    return live;
}
