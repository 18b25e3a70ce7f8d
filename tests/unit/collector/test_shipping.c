/* What is sent when, over a transport that the test plays: it notes what it is given and answers when told. */
#include "services/collector/ship/shipping.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

enum { INTERVAL_MS = 60000 };

/* "report a@1=body;" "heartbeat @1 count inventory;" in the order in which they were given. */
typedef struct {
    ov_buf said;
    bool is_down;
    size_t reports_max;
    ov_status status, inventory_status;
    transport t;
    shipping *s;
    int64_t now;
} world;

static bool is_up(const void *self)
{
    return !((const world *)self)->is_down;
}

static size_t reports_max(const void *self)
{
    return ((const world *)self)->reports_max;
}

static size_t body_max(const void *self)
{
    (void)self;
    return REPORT_BYTES_MAX;
}

static ov_status take_report(void *self, ov_str tracker, ov_str body, int64_t revision, ov_err *err)
{
    world *w = self;
    if (w->status != OV_OK) return ov_fail(err, w->status, "not now");
    ov_buf_printf(&w->said, "report %.*s@%d=%.*s;", OV_STR_ARG(tracker), (int)revision, OV_STR_ARG(body));
    return OV_OK;
}

static ov_status take_heartbeat(void *self, const heartbeat *h, const inventory_item *items, size_t count, ov_err *err)
{
    world *w = self;
    if (items && w->inventory_status != OV_OK) return ov_fail(err, w->inventory_status, "inventory: too large");
    CHECK_STR(h->agent_id, OV_STR("agent"));
    CHECK_STR(h->instance, OV_STR("i1"));
    CHECK_STR(h->fingerprint, OV_STR("f1"));
    ov_buf_printf(&w->said, "heartbeat @%d %d", (int)h->revision, (int)h->count);
    if (items) ov_buf_printf(&w->said, " with %zu", count);
    ov_buf_append_char(&w->said, ';');
    return OV_OK;
}

static void world_init(world *w)
{
    shipping_options o = {.agent_id = OV_STR("agent"),
                          .instance = "i1",
                          .fingerprint = OV_STR("f1"),
                          .interval_ms = INTERVAL_MS,
                          .random = 7};
    *w = (world){.said = OV_BUF(65536), .reports_max = 100};
    w->t = (transport){w, "the test", is_up, reports_max, body_max, take_report, take_heartbeat, NULL};
    w->s = shipping_new(&o, &w->t);
}

static void world_clear(world *w)
{
    shipping_free(w->s);
    ov_buf_clear(&w->said);
}
#define WORLD(w)                     \
    OV_CLEANUP(world_clear) world w; \
    world_init(&w)

/* What one step sends. */
static const char *step(world *w)
{
    ov_buf_reset(&w->said);
    (void)shipping_step(w->s, (ov_mono){w->now});
    ov_buf_append_char(&w->said, '\0');
    return w->said.ptr;
}

static void put(world *w, const char *tracker, const char *body)
{
    shipping_put(w->s, ov_str_of(tracker), ov_str_of(body), (ov_mono){w->now});
}

static void answer(world *w, transport_event_kind kind, transport_outcome outcome, const char *tracker,
                   int64_t revision)
{
    OV_CLEANUP(transport_event_free_p) transport_event *e = transport_event_new(kind);
    e->outcome = outcome;
    e->revision = revision;
    e->tracker = tracker ? ov_dup(ov_str_of(tracker)) : NULL;
    snprintf(e->text, sizeof e->text, "because");
    shipping_on_event(w->s, e, (ov_mono){w->now});
}

static void answer_inventory(world *w, transport_outcome outcome)
{
    OV_CLEANUP(transport_event_free_p) transport_event *e = transport_event_new(TRANSPORT_INVENTORY);
    e->outcome = outcome;
    snprintf(e->digest, sizeof e->digest, "%s", "00000000000000000000000000000000");
    shipping_on_event(w->s, e, (ov_mono){w->now});
}

static void ask(world *w, const char *body)
{
    OV_CLEANUP(transport_event_free_p) transport_event *e = transport_event_new(TRANSPORT_ASK);
    e->ask = ov_dup(ov_str_of(body));
    e->ask_len = strlen(body);
    shipping_on_event(w->s, e, (ov_mono){w->now});
}

static shipping_state state(const world *w)
{
    shipping_state s;
    shipping_describe(w->s, (ov_mono){w->now}, &s);
    return s;
}

static void test_reports(void)
{
    WORLD(w);
    CHECK_C(step(&w), "");
    put(&w, "a", "1");
    CHECK_C(step(&w), "report a@1=1;");
    CHECK_C(step(&w), "");
    CHECK_INT(state(&w).pending, 1);
    CHECK(!state(&w).is_drained);
    answer(&w, TRANSPORT_REPORT, TRANSPORT_STORED, "a", 1);
    CHECK_INT(state(&w).pending, 0);
    CHECK_INT(state(&w).delivered, 1);
    CHECK(state(&w).is_drained);
    put(&w, "a", "");
    CHECK_C(step(&w), "report a@2=;");
}

static void test_a_few_at_once(void)
{
    WORLD(w);
    w.reports_max = 1;
    put(&w, "a", "1");
    put(&w, "b", "1");
    char first = step(&w)[strlen("report ")];
    CHECK_C(step(&w), "");
    answer(&w, TRANSPORT_REPORT, TRANSPORT_STORED, first == 'a' ? "a" : "b", first == 'a' ? 1 : 2);
    CHECK_C(step(&w), first == 'a' ? "report b@2=1;" : "report a@1=1;");
}

static void test_down(void)
{
    WORLD(w);
    w.is_down = true;
    put(&w, "a", "1");
    shipping_begin_heartbeats(w.s, (ov_mono){0});
    w.now = 10 * INTERVAL_MS;
    CHECK_C(step(&w), "");
    w.is_down = false;
    CHECK_C(step(&w), "heartbeat @0 0;report a@1=1;"); /* nothing is lost, nothing had to be tried */
}

static void test_failures(void)
{
    WORLD(w);
    put(&w, "a", "1");
    (void)step(&w);
    answer(&w, TRANSPORT_REPORT, TRANSPORT_RETRY, "a", 1);
    CHECK_C(state(&w).problem, "because");
    CHECK_C(step(&w), "");
    w.now += 60000;
    CHECK_C(step(&w), "report a@1=1;");
    answer(&w, TRANSPORT_REPORT, TRANSPORT_DENIED, "a", 1);
    CHECK_C(state(&w).denied, "because");
    w.now += 60000;
    (void)step(&w);
    answer(&w, TRANSPORT_REPORT, TRANSPORT_STORED, "a", 1);
    CHECK_C(state(&w).denied, "");
    CHECK_C(state(&w).problem, "");
}

static void test_refused(void)
{
    WORLD(w);
    put(&w, "a", "1");
    (void)step(&w);
    answer(&w, TRANSPORT_REPORT, TRANSPORT_REFUSED, "a", 1);
    w.now += 100 * INTERVAL_MS;
    CHECK_C(step(&w), "");
    CHECK(state(&w).refused_any);
    CHECK_INT(state(&w).pending, 0);
}

static void test_not_now(void)
{
    WORLD(w);
    put(&w, "a", "1");
    w.status = OV_RETRY;
    CHECK_C(step(&w), "");
    CHECK_INT(state(&w).pending, 1);
    CHECK(state(&w).is_drained);
    w.status = OV_INVALID;
    w.now += 60000;
    CHECK_C(step(&w), "");
    CHECK_INT(state(&w).pending, 0);
    CHECK(state(&w).refused_any);
}

static void test_heartbeats(void)
{
    WORLD(w);
    w.now = 5 * INTERVAL_MS;
    put(&w, "a", "1");
    CHECK_C(step(&w), "report a@1=1;"); /* none before the cluster was read whole */
    shipping_begin_heartbeats(w.s, (ov_mono){w.now});
    CHECK_C(step(&w), ""); /* nor before the first reports are there */
    answer(&w, TRANSPORT_REPORT, TRANSPORT_STORED, "a", 1);
    CHECK_C(step(&w), "heartbeat @1 1 with 1;");
    CHECK(!state(&w).heartbeat_stored);
    w.now += 2 * INTERVAL_MS;
    CHECK_C(step(&w), ""); /* one in flight */
    answer_inventory(&w, TRANSPORT_RETRY);
    answer(&w, TRANSPORT_HEARTBEAT, TRANSPORT_STORED, NULL, 0);
    CHECK(state(&w).heartbeat_stored);
    CHECK_C(step(&w), "heartbeat @1 1 with 1;"); /* the inventory again, because it was not stored */
}

static void test_failed_heartbeat_comes_soon(void)
{
    WORLD(w);
    shipping_begin_heartbeats(w.s, (ov_mono){0});
    CHECK_C(step(&w), "heartbeat @0 0 with 0;");
    answer_inventory(&w, TRANSPORT_STORED);
    answer(&w, TRANSPORT_HEARTBEAT, TRANSPORT_RETRY, NULL, 0);
    w.now += INTERVAL_MS / 10;
    CHECK_C(step(&w), "heartbeat @0 0;");
    answer(&w, TRANSPORT_HEARTBEAT, TRANSPORT_STORED, NULL, 0);
    w.now += INTERVAL_MS - 1;
    CHECK_C(step(&w), "");
    w.now += 1;
    CHECK_C(step(&w), "heartbeat @0 0;");
}

static void test_inventory_too_large(void)
{
    WORLD(w);
    w.inventory_status = OV_INVALID;
    shipping_begin_heartbeats(w.s, (ov_mono){0});
    CHECK_C(step(&w), "heartbeat @0 0;");
}

static void test_asks(void)
{
    WORLD(w);
    shipping_begin_heartbeats(w.s, (ov_mono){0});
    put(&w, "a", "1");
    (void)step(&w);
    answer(&w, TRANSPORT_REPORT, TRANSPORT_STORED, "a", 1);
    CHECK_C(step(&w), "heartbeat @1 1 with 1;");
    answer_inventory(&w, TRANSPORT_STORED);
    answer(&w, TRANSPORT_HEARTBEAT, TRANSPORT_STORED, NULL, 0);
    ask(&w, "{\"reportPeriod\":\"1h\",\"wanted\":[\"a\",\"b\"],\"inventoryWanted\":false}");
    CHECK_C(step(&w), "report a@1=1;");
    answer(&w, TRANSPORT_REPORT, TRANSPORT_STORED, "a", 1);
    ask(&w, "{\"inventoryWanted\":true}");
    CHECK_C(step(&w), "heartbeat @1 1 with 1;"); /* at once */
    ask(&w, "not JSON");
    CHECK_C(step(&w), "");
}

static void test_no_heartbeats(void)
{
    WORLD(w);
    shipping_begin_heartbeats(w.s, (ov_mono){0});
    put(&w, "a", "1");
    (void)step(&w);
    answer(&w, TRANSPORT_REPORT, TRANSPORT_STORED, "a", 1);
    CHECK_C(step(&w), "heartbeat @1 1 with 1;");
    answer_inventory(&w, TRANSPORT_NO_HEARTBEATS);
    answer(&w, TRANSPORT_HEARTBEAT, TRANSPORT_NO_HEARTBEATS, NULL, 0);
    CHECK_C(step(&w), "");
    w.now += INTERVAL_MS;
    CHECK_C(step(&w), "heartbeat @1 1 with 1;report a@1=1;"); /* each interval; it may learn heartbeats some day */
    answer(&w, TRANSPORT_REPORT, TRANSPORT_STORED, "a", 1);
    answer_inventory(&w, TRANSPORT_STORED);
    answer(&w, TRANSPORT_HEARTBEAT, TRANSPORT_STORED, NULL, 0);
    w.now += INTERVAL_MS;
    CHECK(strstr(step(&w), "report") == NULL);
}

static void test_wake(void)
{
    WORLD(w);
    put(&w, "a", "1");
    (void)step(&w);
    answer(&w, TRANSPORT_REPORT, TRANSPORT_RETRY, "a", 1);
    ov_mono wake = shipping_step(w.s, (ov_mono){0});
    CHECK(wake.ms > 0 && wake.ms <= 15000);
    WORLD(idle);
    shipping_begin_heartbeats(idle.s, (ov_mono){0});
    (void)step(&idle);
    answer_inventory(&idle, TRANSPORT_STORED);
    answer(&idle, TRANSPORT_HEARTBEAT, TRANSPORT_STORED, NULL, 0);
    CHECK_INT(shipping_step(idle.s, (ov_mono){0}).ms, INTERVAL_MS);
}

int main(void)
{
    ov_log_setup("test", OV_LOG_ERROR + 1, OV_LOG_LOGFMT);
    test_reports();
    test_a_few_at_once();
    test_down();
    test_failures();
    test_refused();
    test_not_now();
    test_heartbeats();
    test_failed_heartbeat_comes_soon();
    test_inventory_too_large();
    test_asks();
    test_no_heartbeats();
    test_wake();
    return check_end();
}
