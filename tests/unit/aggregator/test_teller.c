/* Places in outboxes are read and ordered; what was told before is left out. */
#include "services/aggregator/teller.h"

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

static void append_event(ov_buf *out, const char *id, bool first)
{
    ov_buf_append_char(out, first ? '[' : ',');
    event_encode(
        &(event){.type = EVENT_RUNNING, .agent = OV_STR("a"), .tracker = OV_STR("t"), .data = OV_STR("{}"), .id = id},
        out);
}

static void test_add(void)
{
    check_case("add");
    ov_err err = {0};
    ov_buf outbox = OV_BUF(65536);
    for (int i = 0; i < 3; i++) append_event(&outbox, "0123456789abcdef0123456789abcdef", i == 0);
    ov_buf_append_char(&outbox, ']');
    teller t = {0};
    teller_begin(&t, 1);
    CHECK_OK(teller_add(&t, 5, ov_buf_str(&outbox), (outbox_place){0}, &err), &err);
    CHECK_INT(teller_pending(&t), 3);
    CHECK_OK(teller_add(&t, 6, ov_buf_str(&outbox), (outbox_place){6, 0}, &err), &err);
    CHECK_INT(teller_pending(&t), 5);
    CHECK_OK(teller_add(&t, 7, ov_buf_str(&outbox), (outbox_place){8, 0}, &err), &err);
    CHECK_INT(teller_pending(&t), 5);
    CHECK_STATUS(teller_add(&t, 9, OV_STR("[{}]"), (outbox_place){0}, &err), OV_INVALID, &err);
    teller_abandon(&t);
    CHECK_INT(teller_pending(&t), 0);
    teller_clear(&t);
    ov_buf_clear(&outbox);
}

int main(void)
{
    test_places();
    test_add();
    return check_end();
}
