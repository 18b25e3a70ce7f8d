/* Each line arrives as one write, in both formats, escaped and bounded. */
#include "base/log.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "support/check.h"
#include "base/poison.h"

enum { LINE_BYTES = 16 * 1024 };

/* stderr as a socket that keeps the borders of writes. */
typedef struct {
    int saved, ours;
    char line[LINE_BYTES];
} capture;

static void capture_start(capture *c)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) _exit(1);
    c->saved = dup(STDERR_FILENO);
    dup2(pair[1], STDERR_FILENO);
    close(pair[1]);
    c->ours = pair[0];
}

static void capture_end(capture *c)
{
    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    close(c->ours);
}

/* What one write brought; empty when there was none. */
static ov_str next_write(capture *c)
{
    ssize_t n = recv(c->ours, c->line, sizeof c->line, MSG_DONTWAIT);
    return (ov_str){c->line, n > 0 ? (size_t)n : 0};
}

/* Cuts the time off, having checked that it is one. */
static ov_str without_time(ov_str line, ov_str before, ov_str after)
{
    ov_wall t;
    ov_err err = {0};
    size_t end = before.len + sizeof "2026-01-02T03:04:05.678Z" - 1;
    CHECK(ov_str_starts(line, before));
    CHECK_OK(ov_wall_parse(ov_str_sub(line, before.len, end), &t, &err), &err);
    CHECK_STR(ov_str_sub(line, end, end + after.len), after);
    return ov_str_sub(line, end + after.len, line.len);
}

static const struct {
    const char *name, *value, *logfmt, *json;
} values[] = {
    {"plain", "v1.2.3", "v1.2.3", "\"v1.2.3\""},
    {"empty", "", "", "\"\""},
    {"space", "a b", "\"a b\"", "\"a b\""},
    {"equals sign", "a=b", "\"a=b\"", "\"a=b\""},
    {"quote", "say \"x\"", "\"say \\\"x\\\"\"", "\"say \\\"x\\\"\""},
    {"backslash alone needs no quotes", "a\\b", "a\\b", "\"a\\\\b\""},
    {"backslash within quotes", "a \\b", "\"a \\\\b\"", "\"a \\\\b\""},
    {"a line more", "a\nlevel=error", "\"a\\nlevel=error\"", "\"a\\nlevel=error\""},
    {"controls", "\t\r\x1B[31m\x7F", "\"\\t\\r\\u001b[31m\\u007f\"", "\"\\t\\r\\u001b[31m\\u007f\""},
    {"UTF-8", "d\xC3\xA9j\xC3\xA0", "d\xC3\xA9j\xC3\xA0", "\"d\xC3\xA9j\xC3\xA0\""},
    {"not UTF-8", "a\xFFz", "\"a\xEF\xBF\xBDz\"", "\"a\xEF\xBF\xBDz\""},
    {"the word null", "null", "\"null\"", "\"null\""},
};

static void test_values(ov_log_format format)
{
    bool json = format == OV_LOG_JSON;
    ov_log_setup("tester", OV_LOG_INFO, format);
    for (size_t i = 0; i < OV_COUNT(values); i++) {
        check_case(values[i].name);
        capture c;
        capture_start(&c);
        ov_log_warn("it happened", "key", values[i].value, "left", NULL, "n", OV_FMT("%d", 7));
        ov_str line = next_write(&c);
        capture_end(&c);
        line = json ? without_time(line, OV_STR("{\"ts\":\""), OV_STR("\","))
                    : without_time(line, OV_STR("ts="), OV_STR(" "));
        OV_CLEANUP(ov_buf_clear) ov_buf want = OV_BUF(LINE_BYTES);
        if (json)
            ov_buf_printf(&want,
                          "\"level\":\"warn\",\"service\":\"tester\",\"msg\":\"it happened\",\"key\":%s,\"n\":\"7\"}\n",
                          values[i].json);
        else
            ov_buf_printf(&want, "level=warn service=tester msg=\"it happened\" key=%s n=7\n", values[i].logfmt);
        CHECK_STR(line, ov_buf_str(&want));
    }
    check_case(NULL);
}

static void test_levels(void)
{
    capture c;
    ov_log_setup("tester", OV_LOG_WARN, OV_LOG_LOGFMT);
    capture_start(&c);
    ov_log_debug("no");
    ov_log_info("no");
    bool silent = next_write(&c).len == 0;
    ov_log_error("yes");
    bool heard = next_write(&c).len > 0, once = next_write(&c).len == 0;
    capture_end(&c);
    CHECK(silent);
    CHECK(heard);
    CHECK(once);
    CHECK(ov_log_enabled(OV_LOG_WARN));
    CHECK(!ov_log_enabled(OV_LOG_INFO));
}

/* 1023 bytes and a character of two: the cut must not go through it. */
static void test_long_value_is_cut(void)
{
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    memcpy(text + 1023, "\xC3\xA9", 2);
    text[sizeof text - 1] = '\0';
    capture c;
    ov_log_setup("tester", OV_LOG_INFO, OV_LOG_LOGFMT);
    capture_start(&c);
    ov_log_info("long", "key", text, "next", "1");
    ov_str line = next_write(&c);
    capture_end(&c);
    line = without_time(line, OV_STR("ts="), OV_STR(" level=info service=tester msg=long key="));
    CHECK_INT(line.len, 1023 + strlen(" next=1\n"));
    CHECK(ov_str_ends(line, OV_STR("xxx next=1\n")));
}

static void test_fmt_is_bounded(void)
{
    const char *text = OV_FMT("%0100d", 1);
    CHECK_INT(strlen(text), 63);
}

int main(void)
{
    test_values(OV_LOG_LOGFMT);
    test_values(OV_LOG_JSON);
    test_levels();
    test_long_value_is_cut();
    test_fmt_is_bounded();
    return check_end();
}
