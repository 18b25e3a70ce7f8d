/* Writes JSON straight into a buffer, escaping as it goes. */
#include "json/writer.h"

#include <assert.h>

#include "json/scan.h"

#include "base/poison.h"

static void separate(ov_json_writer *w)
{
    if (!w->first[w->depth]) ov_buf_append_char(w->out, ',');
    w->first[w->depth] = false;
}

static void begin(ov_json_writer *w, const char *name)
{
    separate(w);
    if (!name) return;
    ov_buf_append_char(w->out, '"');
    ov_buf_append_c(w->out, name);
    ov_buf_append(w->out, "\":", 2);
}

static void open_level(ov_json_writer *w, const char *name, char bracket)
{
    begin(w, name);
    ov_buf_append_char(w->out, bracket);
    assert(w->depth + 1 < OV_JSON_WRITER_DEPTH);
    w->first[++w->depth] = true;
}

static void close_level(ov_json_writer *w, char bracket)
{
    assert(w->depth > 0);
    w->depth--;
    ov_buf_append_char(w->out, bracket);
}

void ov_json_open_object(ov_json_writer *w, const char *name)
{
    open_level(w, name, '{');
}

void ov_json_close_object(ov_json_writer *w)
{
    close_level(w, '}');
}

void ov_json_open_array(ov_json_writer *w, const char *name)
{
    open_level(w, name, '[');
}

void ov_json_close_array(ov_json_writer *w)
{
    close_level(w, ']');
}

void ov_json_write_str(ov_json_writer *w, const char *name, ov_str value)
{
    begin(w, name);
    ov_json_quote(w->out, value);
}

void ov_json_write_c(ov_json_writer *w, const char *name, const char *value)
{
    ov_json_write_str(w, name, ov_str_of(value));
}

void ov_json_write_i64(ov_json_writer *w, const char *name, int64_t value)
{
    begin(w, name);
    ov_buf_append_i64(w->out, value);
}

void ov_json_write_bool(ov_json_writer *w, const char *name, bool value)
{
    begin(w, name);
    ov_buf_append_c(w->out, value ? "true" : "false");
}

void ov_json_write_null(ov_json_writer *w, const char *name)
{
    begin(w, name);
    ov_buf_append_c(w->out, "null");
}

void ov_json_write_raw(ov_json_writer *w, const char *name, ov_str value)
{
    begin(w, name);
    ov_buf_append_str(w->out, value);
}

void ov_json_write_member(ov_json_writer *w, ov_str name, ov_str value)
{
    separate(w);
    ov_json_quote(w->out, name);
    ov_buf_append_char(w->out, ':');
    ov_json_quote(w->out, value);
}

/* One byte that may not stand in a string as it is. */
static void append_escaped(ov_buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof short_forms; i += 2) {
        if (c != (unsigned char)short_forms[i]) continue;
        ov_buf_append(out, (char[]){'\\', short_forms[i + 1]}, 2);
        return;
    }
    ov_buf_append(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

/* Behind the run that stands in a string as it is; stops at what needs escaping and at bytes that are not UTF-8. */
static const char *pass_verbatim(const char *p, const char *end)
{
    while (p < end) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == '"' || c == '\\') return p;
        size_t len = c < 0x80 ? 1 : ov_json_utf8_len(p, end);
        if (!len) return p;
        p += len;
    }
    return p;
}

void ov_json_quote(ov_buf *out, ov_str value)
{
    ov_buf_append_char(out, '"');
    const char *p = value.ptr, *end = value.len ? value.ptr + value.len : p;
    while (p < end) {
        const char *stop = pass_verbatim(p, end);
        ov_buf_append(out, p, (size_t)(stop - p));
        p = stop;
        if (p == end) break;
        if ((unsigned char)*p >= 0x80)
            ov_buf_append(out, "\xEF\xBF\xBD", 3);
        else
            append_escaped(out, (unsigned char)*p);
        p++;
    }
    ov_buf_append_char(out, '"');
}
