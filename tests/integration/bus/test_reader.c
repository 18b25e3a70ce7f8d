/* Readers against a server that restarts, forgets and is made anew. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static fixture_record record, second;

static ov_bus_reader *open_reader(ov_bus *bus, const char *stream, const char *const *filters, fixture_record *r)
{
    ov_bus_reader *reader = NULL;
    ov_err err = {0};
    fixture_record_init(r);
    CHECK_OK(ov_bus_reader_open(bus, stream, filters, fixture_on_read, r, &reader, &err), &err);
    return reader;
}

static void put_many(ov_bus *bus, const char *prefix, int count)
{
    for (int i = 0; i < count; i++) {
        char subject[64];
        snprintf(subject, sizeof subject, "%s.%d", prefix, i);
        fixture_put(bus, subject, "x");
    }
}

static void test_waits_for_its_stream(ov_bus *bus)
{
    check_case("waits for its stream");
    char text[128];
    ov_bus_reader *r = open_reader(bus, "LATE", NULL, &record);
    ov_bus_reader_waiting_for(r, text);
    CHECK_C(text, "stream LATE");
    fixture_stream(bus, "LATE", "late.>");
    CHECK(fixture_wait_ready(&record, 1));
    CHECK_INT(record.messages, 0);
    ov_bus_reader_waiting_for(r, text);
    CHECK_C(text, "");
    fixture_put(bus, "late.a", "1");
    CHECK(fixture_wait_text(&record, "late.a", "1"));
    ov_bus_reader_close(r);
}

static void test_snapshot_then_live(ov_bus *bus)
{
    check_case("snapshot, then live");
    fixture_stream(bus, "S", "s.>");
    put_many(bus, "s.k", 300);
    ov_bus_reader *r = open_reader(bus, "S", NULL, &record);
    CHECK(fixture_wait_ready(&record, 1));
    CHECK_INT(fixture_live(&record), 300);
    CHECK_INT(record.last_seq, 300);
    fixture_put(bus, "s.k.7", "new");
    fixture_put(bus, "s.more", "2");
    CHECK(fixture_wait_text(&record, "s.more", "2"));
    CHECK(fixture_wait_text(&record, "s.k.7", "new"));
    CHECK_INT(record.snapshots, 1);
    CHECK_INT(record.readies, 1);
    CHECK(!record.out_of_order);
    ov_bus_reader_close(r);
    fixture_put(bus, "s.after", "3");
    CHECK_INT(record.messages, 302);
}

static void test_filters(ov_bus *bus)
{
    check_case("filters");
    fixture_stream(bus, "F", "f.>");
    put_many(bus, "f.a", 20);
    put_many(bus, "f.b", 30);
    put_many(bus, "f.c", 50);
    const char *one[] = {"f.b.*", NULL}, *two[] = {"f.a.>", "f.c.1", NULL};
    ov_bus_reader *r1 = open_reader(bus, "F", one, &record);
    ov_bus_reader *r2 = open_reader(bus, "F", two, &second);
    CHECK(fixture_wait_ready(&record, 1));
    CHECK(fixture_wait_ready(&second, 1));
    CHECK_INT(fixture_live(&record), 30);
    CHECK_INT(fixture_live(&second), 21);
    fixture_put(bus, "f.c.2", "no");
    fixture_put(bus, "f.c.1", "yes");
    CHECK(fixture_wait_text(&second, "f.c.1", "yes"));
    CHECK_INT(fixture_live(&second), 21);
    ov_bus_reader_close(r1);
    ov_bus_reader_close(r2);
}

static void test_nothing_under_the_filter(ov_bus *bus)
{
    check_case("nothing under the filter");
    fixture_stream(bus, "E", "e.>");
    put_many(bus, "e.a", 5);
    const char *other[] = {"e.none", NULL};
    ov_bus_reader *r = open_reader(bus, "E", other, &record);
    CHECK(fixture_wait_ready(&record, 1));
    CHECK_INT(record.messages, 0);
    ov_bus_reader_close(r);
}

/* What is deleted while nobody is connected shows only because everything is given again. */
static void test_restart_with_store(fixture_bus *f, test_nats *server)
{
    check_case("restart with its store");
    fixture_stream(f->bus, "R", "r.>");
    fixture_put(f->bus, "r.keep", "1");
    fixture_put(f->bus, "r.change", "1");
    fixture_put(f->bus, "r.gone", "1");
    ov_bus_reader *r = open_reader(f->bus, "R", NULL, &record);
    CHECK(fixture_wait_ready(&record, 1));
    ov_wall created = record.created;
    int ups = fixture_ups(f);
    test_nats_kill(server);
    CHECK(fixture_wait_down(f));
    test_nats_start(server);
    CHECK(fixture_wait_ups(f, ups + 1));
    CHECK(fixture_wait_ready(&record, 2));
    CHECK_INT(record.created.ms, created.ms);
    CHECK_INT(fixture_live(&record), 3);
    fixture_put(f->bus, "r.change", "2");
    CHECK(fixture_wait_text(&record, "r.change", "2"));
    ov_bus_reader_close(r);
}

/* Another connection purges and rewrites while the reader's one is away: seen by its next snapshot. */
static void test_deleted_during_outage(fixture_bus *f, test_nats *server)
{
    check_case("deleted during an outage");
    fixture_stream(f->bus, "D", "d.>");
    fixture_put(f->bus, "d.keep", "1");
    fixture_put(f->bus, "d.gone", "1");
    ov_bus_reader *r = open_reader(f->bus, "D", NULL, &record);
    CHECK(fixture_wait_ready(&record, 1));
    ov_err err = {0};
    CHECK_OK(ov_bus_stream_purge(f->bus, "D", "d.gone", &err), &err);
    CHECK_INT(fixture_live(&record), 2);
    int ups = fixture_ups(f);
    test_nats_stop(server);
    CHECK(fixture_wait_down(f));
    test_nats_start(server);
    CHECK(fixture_wait_ups(f, ups + 1));
    CHECK(fixture_wait_ready(&record, 2));
    CHECK(fixture_wait_text(&record, "d.gone", NULL));
    CHECK(fixture_wait_text(&record, "d.keep", "1"));
    ov_bus_reader_close(r);
}

static void test_wiped_store(fixture_bus *f, test_nats *server)
{
    check_case("a store that was lost");
    fixture_stream(f->bus, "W", "w.>");
    fixture_put(f->bus, "w.old", "1");
    ov_bus_reader *r = open_reader(f->bus, "W", NULL, &record);
    CHECK(fixture_wait_ready(&record, 1));
    ov_wall created = record.created;
    int ups = fixture_ups(f);
    test_nats_kill(server);
    test_nats_wipe(server);
    test_nats_start(server);
    CHECK(fixture_wait_ups(f, ups + 1));
    fixture_stream(f->bus, "W", "w.>");
    fixture_put(f->bus, "w.new", "1");
    CHECK(fixture_wait_text(&record, "w.new", "1"));
    CHECK(fixture_wait_ready(&record, 2));
    CHECK(record.created.ms > created.ms);
    CHECK(fixture_wait_text(&record, "w.old", NULL));
    ov_bus_reader_close(r);
}

/* The server tells a push consumer's owner nothing when the stream goes: its heartbeats stop. */
static void test_stream_made_anew(fixture_bus *f)
{
    check_case("stream deleted and made anew under a living connection");
    fixture_stream(f->bus, "A", "anew.>");
    fixture_put(f->bus, "anew.old", "1");
    ov_bus_reader *r = open_reader(f->bus, "A", NULL, &record);
    CHECK(fixture_wait_ready(&record, 1));
    ov_bus_in *answer = NULL;
    ov_err err = {0};
    CHECK_OK(ov_bus_request(f->bus, "$JS.API.STREAM.DELETE.A", OV_STR(""), 5000, &answer, &err), &err);
    ov_bus_in_free(answer);
    fixture_stream(f->bus, "A", "anew.>");
    fixture_put(f->bus, "anew.new", "2");
    CHECK(fixture_wait_text(&record, "anew.new", "2"));
    CHECK(fixture_wait_text(&record, "anew.old", NULL));
    CHECK_INT(record.snapshots, 2);
    ov_bus_reader_close(r);
}

/* ---- flow control ---- */

typedef struct {
    pthread_mutex_t mu;
    pthread_cond_t changed;
    bool entered, released, ended;
    int messages;
} gate;

static void on_read_blocking(void *arg, const ov_bus_read *event)
{
    gate *g = arg;
    if (event->kind != OV_READ_MESSAGE) return;
    bool last = ov_str_ends(ov_bus_in_subject(event->message), OV_STR(".end"));
    ov_bus_in_free(event->message);
    pthread_mutex_lock(&g->mu);
    g->entered = true;
    g->messages++;
    g->ended |= last;
    pthread_cond_broadcast(&g->changed);
    while (!g->released) pthread_cond_wait(&g->changed, &g->mu);
    pthread_mutex_unlock(&g->mu);
}

static void release(gate *g)
{
    pthread_mutex_lock(&g->mu);
    g->released = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->mu);
}

/* An owner whose inbox is full may still renew its lease and ask the server. */
static void test_callback_that_waits(ov_bus *bus)
{
    check_case("a callback that waits");
    gate g = {.mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    ov_err err = {0};
    ov_bus_stored stored;
    ov_bus_stream_info info = {0};
    ov_bus_reader *r = NULL;
    fixture_stream(bus, "B", "b.>");
    put_many(bus, "b.k", 10);
    CHECK_OK(ov_bus_reader_open(bus, "B", NULL, on_read_blocking, &g, &r, &err), &err);
    pthread_mutex_lock(&g.mu);
    while (!g.entered) pthread_cond_wait(&g.changed, &g.mu);
    pthread_mutex_unlock(&g.mu);
    ov_bus_out out = OV_BUS_OUT("b.lease", OV_STR("x"));
    CHECK_OK(ov_bus_store_wait(bus, &out, 5000, &stored, &err), &err);
    CHECK_INT(stored.status, OV_OK);
    CHECK_OK(ov_bus_stream_state(bus, "B", &info, &err), &err);
    CHECK_INT(info.messages, 11);
    release(&g);
    ov_bus_reader_close(r);
}

/* What replaced the purged messages reaches a reader that had not come so far yet. */
static void test_purge_while_a_reader_lags(ov_bus *bus)
{
    enum { OLD = 4, NEW = 8, BYTES = 512 * 1024 };
    check_case("purged while a reader lags");
    static char large[BYTES];
    gate g = {.mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    ov_err err = {0};
    ov_bus_reader *r = NULL;
    char subject[64];
    memset(large, 'x', BYTES - 1);
    fixture_stream(bus, "P", "p.>");
    for (int i = 0; i < OLD; i++) {
        snprintf(subject, sizeof subject, "p.old.%d", i);
        fixture_put(bus, subject, large);
    }
    CHECK_OK(ov_bus_reader_open(bus, "P", NULL, on_read_blocking, &g, &r, &err), &err);
    pthread_mutex_lock(&g.mu);
    while (!g.entered) pthread_cond_wait(&g.changed, &g.mu);
    pthread_mutex_unlock(&g.mu);
    for (int i = 0; i < NEW; i++) {
        snprintf(subject, sizeof subject, "p.new.%d", i);
        fixture_put(bus, subject, large);
    }
    CHECK_OK(ov_bus_stream_purge(bus, "P", "p.old.>", &err), &err);
    fixture_put(bus, "p.end", "x");
    release(&g);
    pthread_mutex_lock(&g.mu);
    while (!g.ended) pthread_cond_wait(&g.changed, &g.mu);
    CHECK(g.messages >= 1 + NEW + 1);
    pthread_mutex_unlock(&g.mu);
    ov_bus_reader_close(r);
}

int main(void)
{
    test_nats *server = test_nats_new(NULL);
    fixture_bus f;
    fixture_open(&f, server, NULL, NULL);
    test_waits_for_its_stream(f.bus);
    test_snapshot_then_live(f.bus);
    test_filters(f.bus);
    test_nothing_under_the_filter(f.bus);
    test_callback_that_waits(f.bus);
    test_purge_while_a_reader_lags(f.bus);
    test_restart_with_store(&f, server);
    test_deleted_during_outage(&f, server);
    test_wiped_store(&f, server);
    test_stream_made_anew(&f);
    fixture_close(&f);
    test_nats_free(server);
    return check_end();
}
