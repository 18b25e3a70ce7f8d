/* Lines come out whole however the pieces were cut. */
#include "services/collector/kube/lines.h"

#include <string.h>

#include "support/check.h"

typedef struct {
    ov_buf seen;
    int refuse_at, count;
} world;

static ov_status note(void *arg, ov_str line, ov_err *err)
{
    world *w = arg;
    if (++w->count == w->refuse_at) return ov_fail(err, OV_INVALID, "refused");
    ov_buf_append_str(&w->seen, line);
    ov_buf_append_char(&w->seen, '|');
    return OV_OK;
}

static void test_pieces(void)
{
    static const char text[] = "{\"a\":1}\n\r\n{\"b\":\"two\"}\r\n  \n{}\nhalf";
    for (size_t step = 1; step < sizeof text; step++) {
        world w = {.seen = OV_BUF(1000)};
        kube_lines l;
        ov_err err = {0};
        kube_lines_init(&l);
        for (size_t at = 0; at < sizeof text - 1; at += step)
            CHECK_OK(
                kube_lines_feed(&l, ov_str_sub(OV_STR("{\"a\":1}\n\r\n{\"b\":\"two\"}\r\n  \n{}\nhalf"), at, at + step),
                                note, &w, &err),
                &err);
        CHECK_STR(ov_buf_str(&w.seen), OV_STR("{\"a\":1}|{\"b\":\"two\"}|{}|"));
        kube_lines_clear(&l);
        ov_buf_clear(&w.seen);
    }
}

static void test_bounds(void)
{
    world w = {.seen = OV_BUF(1000), .refuse_at = 2};
    kube_lines l;
    ov_err err = {0};
    kube_lines_init(&l);
    CHECK_STATUS(kube_lines_feed(&l, OV_STR("a\nb\nc\n"), note, &w, &err), OV_INVALID, &err);
    CHECK_C(err.msg, "refused");
    CHECK_STR(ov_buf_str(&w.seen), OV_STR("a|"));
    kube_lines_clear(&l);
    static const char many[64 * 1024] = {'x'};
    ov_status st = OV_OK;
    size_t fed = 0;
    for (; st == OV_OK && fed < 4 * (size_t)KUBE_LINE_MAX; fed += sizeof many)
        st = kube_lines_feed(&l, (ov_str){many, sizeof many}, note, &w, &err);
    CHECK_INT(st, OV_INVALID);
    CHECK(fed <= KUBE_LINE_MAX + 2 * sizeof many);
    CHECK(strstr(err.msg, "a line of the watch"));
    kube_lines_clear(&l);
    ov_buf_clear(&w.seen);
}

int main(void)
{
    test_pieces();
    test_bounds();
    return check_end();
}
