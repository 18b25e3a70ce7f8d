/* Builds each log line in memory and hands it to stderr with one write(2), so that lines of threads do not mix. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/poison.h"

enum { VALUE_MAX = 1024, PAIRS_MAX = 32, ESCAPED_MAX = 6 /* bytes that one byte becomes */ };
/* Room for what the bounds above allow, so that a line is never cut in the middle of a value. */
enum { LINE_BYTES_MAX = (PAIRS_MAX + 4) * 2 * (VALUE_MAX * ESCAPED_MAX + 8) };

static struct {
    const char *service;
    ov_log_level level;
    ov_log_format format;
} setup = {.level = OV_LOG_INFO};

void ov_log_setup(const char *service, ov_log_level level, ov_log_format format)
{
    setup.service = service;
    setup.level = level;
    setup.format = format;
}

bool ov_log_enabled(ov_log_level level)
{
    return level >= setup.level;
}

static const char *level_name(ov_log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return (size_t)level < OV_COUNT(names) ? names[level] : "unknown";
}

static void append_control(ov_buf *line, unsigned char c)
{
    if (c == '\n')
        ov_buf_append_c(line, "\\n");
    else if (c == '\r')
        ov_buf_append_c(line, "\\r");
    else if (c == '\t')
        ov_buf_append_c(line, "\\t");
    else
        ov_buf_printf(line, "\\u%04x", c);
}

/* A JSON string, which is also what logfmt readers take between quotes. Bytes that are not UTF-8 become U+FFFD. */
static void append_quoted(ov_buf *line, ov_str text)
{
    ov_buf_append_char(line, '"');
    for (size_t at = 0; at < text.len;) {
        unsigned char c = (unsigned char)text.ptr[at];
        size_t n = ov_str_rune_length(text, at);
        if (n == 0) {
            ov_buf_append_c(line, "\xEF\xBF\xBD");
        } else if (c < ' ' || c == 0x7F) {
            append_control(line, c);
        } else {
            if (c == '"' || c == '\\') ov_buf_append_char(line, '\\');
            ov_buf_append(line, text.ptr + at, n);
        }
        at += n ? n : 1;
    }
    ov_buf_append_char(line, '"');
}

static bool needs_quotes(ov_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == '=' || c == '"' || c == 0x7F) return true;
    }
    return !ov_str_is_utf8(text) || ov_str_eq(text, OV_STR("null")); /* a bare null means no value */
}

/* At most VALUE_MAX bytes, not ending inside a character. */
static ov_str bounded(const char *text)
{
    size_t len = strnlen(text, VALUE_MAX + 1);
    if (len > VALUE_MAX)
        for (len = VALUE_MAX; len > VALUE_MAX - 3 && ((unsigned char)text[len] & 0xC0) == 0x80;) len--;
    return (ov_str){.ptr = text, .len = len};
}

static void append_pair(ov_buf *line, const char *key, const char *value)
{
    if (!value) return;
    ov_str text = bounded(value);
    bool json = setup.format == OV_LOG_JSON;
    if (line->len > (json ? 1u : 0u)) ov_buf_append_char(line, json ? ',' : ' ');
    if (json)
        append_quoted(line, bounded(key));
    else
        ov_buf_append_str(line, bounded(key));
    ov_buf_append_char(line, json ? ':' : '=');
    if (json || needs_quotes(text))
        append_quoted(line, text);
    else
        ov_buf_append_str(line, text);
}

/* A reader that is gone, or a full pipe that nobody waits for, costs the line and not the service. */
static void write_line(ov_str line)
{
    while (line.len > 0) {
        ssize_t n = write(STDERR_FILENO, line.ptr, line.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        line = ov_str_sub(line, (size_t)n, line.len);
    }
}

void ov_log(ov_log_level level, const char *msg, ...)
{
    if (!ov_log_enabled(level)) return;
    int saved_errno = errno;
    OV_CLEANUP(ov_buf_clear) ov_buf line = OV_BUF(LINE_BYTES_MAX);
    char now[OV_WALL_TEXT];
    ov_wall_format(ov_wall_now(), now);
    if (setup.format == OV_LOG_JSON) ov_buf_append_char(&line, '{');
    append_pair(&line, "ts", now);
    append_pair(&line, "level", level_name(level));
    append_pair(&line, "service", setup.service);
    append_pair(&line, "msg", msg);
    va_list args;
    va_start(args, msg);
    const char *key;
    for (int i = 0; i < PAIRS_MAX && (key = va_arg(args, const char *)) != NULL; i++)
        append_pair(&line, key, va_arg(args, const char *));
    va_end(args);
    ov_buf_append_c(&line, setup.format == OV_LOG_JSON ? "}\n" : "\n");
    write_line(ov_buf_str(&line));
    errno = saved_errno;
}

const char *ov_log_fmt(char *out, unsigned long size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(out, size, fmt, args) < 0 && size > 0) out[0] = '\0';
    va_end(args);
    return out;
}
