/* Places and marks are read and ordered; what was told is left out; refused subjects wait alone; headers say what
 * waits.
 */
#include "services/aggregator/telling.h"

#include <stdio.h>

#include "proto/event.h"
#include "support/check.h"

#include "base/poison.h"

static void test_places(void)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t seq, index;
    } rows[] = {{"0.0", true, 0, 0},  {"17.3", true, 17, 3}, {"", false, 0, 0},      {"17", false, 0, 0},
                {"17.", false, 0, 0}, {".3", false, 0, 0},   {"1.2.3", false, 0, 0}, {"-1.0", false, 0, 0}};
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        outbox_place p = {0};
        check_case(rows[i].text);
        CHECK_INT(outbox_place_parse(ov_str_of(rows[i].text), &p), rows[i].ok);
        CHECK_INT(p.seq, rows[i].seq);
        CHECK_INT(p.index, rows[i].index);
    }
    check_case("order");
    CHECK(outbox_place_is_after((outbox_place){2, 0}, (outbox_place){1, 9}));
    CHECK(outbox_place_is_after((outbox_place){2, 1}, (outbox_place){2, 0}));
    CHECK(!outbox_place_is_after((outbox_place){2, 0}, (outbox_place){2, 0}));
}

static void test_marks(void)
{
    static const struct {
        const char *outbox, *untold;
        bool ok;
        outbox_mark want;
    } rows[] = {
        {"17.3", "", true, {{17, 4}, {17, 3}}},         {"17.3", "5.1,17.3", true, {{5, 1}, {17, 3}}},
        {"5.1", "17.4,17.3", true, {{17, 4}, {17, 3}}}, {"", "", false, {{0, 0}, {0, 0}}},
        {"", "5.1,17.3", false, {{0, 0}, {0, 0}}},      {"17.3", "5.1", false, {{0, 0}, {0, 0}}},
        {"17.3", "5,17.3", false, {{0, 0}, {0, 0}}},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        outbox_mark m = {0};
        char again[96] = "";
        outbox_place own = {0};
        check_case(rows[i].untold);
        CHECK_INT(outbox_mark_parse(ov_str_of(rows[i].outbox), ov_str_of(rows[i].untold), &m), rows[i].ok);
        CHECK(memcmp(&m, &rows[i].want, sizeof m) == 0);
        if (rows[i].ok && outbox_place_parse(ov_str_of(rows[i].outbox), &own)) outbox_mark_write(&m, own, again);
        CHECK_C(again, rows[i].ok ? rows[i].untold : "");
    }
}

/* The outbox of a document with one event of each agent. */
static void add(tellings *t, uint64_t seq, const char *const *agents, size_t count, const outbox_mark *told)
{
    ov_err err = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf outbox = OV_BUF(65536);
    char id[33], key[16];
    for (size_t i = 0; i < count; i++) {
        snprintf(id, sizeof id, "%032d", (int)(seq * 100 + i));
        event e = {.type = EVENT_RUNNING,
                   .agent = ov_str_of(agents[i]),
                   .tracker = OV_STR("t"),
                   .data = OV_STR("{}"),
                   .id = id};
        ov_buf_append_char(&outbox, i ? ',' : '[');
        event_encode(&e, &outbox);
    }
    ov_buf_append_char(&outbox, ']');
    snprintf(key, sizeof key, "doc-%d", (int)seq);
    CHECK_OK(tellings_add(t, key, seq, ov_buf_str(&outbox), told, &err), &err);
}

static const char *const three[] = {"a", "b", "c"};

static void test_add(void)
{
    tellings t = {0};
    ov_err err = {0};
    outbox_mark at_six = outbox_mark_at((outbox_place){6, 0}), at_eight = outbox_mark_at((outbox_place){8, 0});
    check_case("add");
    tellings_begin(&t, (outbox_place){0});
    add(&t, 5, three, 3, NULL);
    CHECK_INT(t.count, 3);
    add(&t, 6, three, 3, &at_six);
    CHECK_INT(t.count, 5);
    CHECK_INT(tellings_floor(&t, 99), 5);
    check_case("all of it was told");
    add(&t, 7, three, 3, &at_eight);
    CHECK_INT(t.count, 5);
    telling_box *b = tellings_next_told(&t);
    if (CHECK(b)) CHECK_INT(b->seq, 7);
    telling_box_free(b);
    check_case("no outbox");
    CHECK_STATUS(tellings_add(&t, "x", 9, OV_STR("[{}]"), NULL, &err), OV_INVALID, &err);
    b = tellings_next_told(&t);
    if (CHECK(b)) CHECK_INT(b->seq, 9);
    telling_box_free(b);
    check_case("in doubt");
    add(&t, 10, three, 3, &(outbox_mark){{10, 1}, {10, 1}});
    CHECK(t.newest->older->in_doubt && !t.newest->in_doubt);
    CHECK_INT(t.count, 7);
    tellings_clear(&t);
    CHECK_INT(tellings_floor(&t, 99), 99);
}

static void check_mark(tellings *t, telling *e, const char *want)
{
    char untold[96];
    outbox_mark m = tellings_mark(t, e);
    outbox_mark_write(&m, e->place, untold);
    CHECK_C(untold, want);
}

static void test_refused(void)
{
    tellings t = {0};
    telling *sent[8];
    ov_str subject;
    const char *why;
    check_case("a refused subject lets others pass");
    tellings_begin(&t, (outbox_place){0});
    add(&t, 5, three, 3, NULL);
    add(&t, 6, three, 3, NULL);
    CHECK_INT(tellings_take(&t, sent, 8), 6);
    for (size_t i = 0; i < 6; i++) check_mark(&t, sent[i], "");
    for (size_t i = 6; i-- > 1;) tellings_back(&t, sent[i]);
    tellings_refused(&t, sent[0], "no right");
    CHECK_INT(tellings_refused_count(&t), 1);
    CHECK(tellings_refusal(&t, &subject, &why));
    CHECK_STR(subject, OV_STR("opvic.event.running.a.t"));
    CHECK_C(why, "no right");
    CHECK_INT(tellings_take(&t, sent, 8), 4);
    check_mark(&t, sent[0], "5.0,5.1");
    check_mark(&t, sent[1], "5.0,5.2");
    check_mark(&t, sent[2], "5.0,6.1");
    check_mark(&t, sent[3], "5.0,6.2");
    for (size_t i = 4; i-- > 0;) tellings_told(&t, sent[i]);
    CHECK(!tellings_next_told(&t));
    CHECK_INT(tellings_floor(&t, 99), 5);
    CHECK(!tellings_is_ready(&t));

    check_case("its first event alone is tried again");
    CHECK_INT(tellings_take_refused(&t, sent, 8), 1);
    CHECK_INT(sent[0]->place.seq, 5);
    check_mark(&t, sent[0], "6.0,6.2");
    tellings_doubtful(&t, sent[0]);
    CHECK_INT(tellings_take_refused(&t, sent, 8), 1);
    CHECK(sent[0]->in_doubt);
    check_mark(&t, sent[0], "6.0,6.2");
    tellings_told(&t, sent[0]);
    CHECK_INT(tellings_refused_count(&t), 0);
    telling_box *b = tellings_next_told(&t);
    if (CHECK(b)) CHECK_INT(b->seq, 5);
    telling_box_free(b);
    CHECK_INT(tellings_take(&t, sent, 8), 1);
    check_mark(&t, sent[0], "6.3,6.2");
    tellings_told(&t, sent[0]);
    CHECK_INT(t.count, 0);
    tellings_clear(&t);
}

int main(void)
{
    test_places();
    test_marks();
    test_add();
    test_refused();
    return check_end();
}
