/* Cuts one array's elements out of a document that arrives in pieces; what stands around them is kept and checked too.
 */
#include "json/splitter.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/reader.h"
#include "json/scan.h"

#include "base/poison.h"

/* All that may stand around the array (with its elements left out). */
enum { AROUND_MAX = 1024 * 1024 };

typedef enum {
    AROUND,         /* outside of the array: bytes go to the frame */
    BEFORE_ELEMENT, /* behind [ or a comma */
    IN_ELEMENT,
    AFTER_ELEMENT /* a comma or ] */
} split_state;

struct ov_json_splitter {
    char *member; /* NULL: the document itself is the array */
    ov_json_element on_element;
    void *arg;
    ov_buf frame;   /* the document with [] in place of the array */
    ov_buf element; /* the begun element's bytes of earlier pieces */
    split_state state;
    bool found, had_element;
    bool in_string, in_escape;
    size_t depth;      /* around: levels of the document; within: levels of the element */
    size_t name_at;    /* around, depth 1: where in the frame the last string began */
    bool string_ended; /* around: the last byte other than space ended a string at depth 1 */
    bool is_name;      /* around: a colon followed the wanted member's name */
    bool scalar;       /* within: a number or a word, which ends where something else begins */
    ov_status failed;
    ov_err err;
};

ov_json_splitter *ov_json_splitter_new(const char *member, size_t element_max, ov_json_element on_element, void *arg)
{
    ov_json_splitter *s = ov_zalloc(sizeof *s);
    s->member = member && *member ? ov_dup(ov_str_of(member)) : NULL;
    s->on_element = on_element;
    s->arg = arg;
    s->frame = OV_BUF(AROUND_MAX);
    s->element = OV_BUF(element_max);
    return s;
}

void ov_json_splitter_free(ov_json_splitter *s)
{
    if (!s) return;
    ov_buf_clear(&s->frame);
    ov_buf_clear(&s->element);
    free(s->member);
    free(s);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Passes string content; true once the closing quote (or the piece's end, then false) was passed. */
static bool pass_string(ov_json_splitter *s, const char **p, const char *end)
{
    const char *at = *p;
    while (at < end) {
        if (s->in_escape) {
            s->in_escape = false;
        } else if (*at == '\\') {
            s->in_escape = true;
        } else if (*at == '"') {
            s->in_string = false;
            *p = at + 1;
            return true;
        }
        at++;
    }
    *p = at;
    return false;
}

static bool is_wanted_name(const ov_json_splitter *s)
{
    ov_str frame = ov_buf_str(&s->frame);
    ov_json_reader r;
    ov_json_token name;
    /* Read as a document of its own: only a well-formed string can be the name. */
    ov_json_reader_init(&r, ov_str_sub(frame, s->name_at, frame.len));
    if (ov_json_next(&r, &name, NULL) != OV_OK) return false;
    return name.type == OV_JSON_STRING && ov_json_token_is(&name, ov_str_of(s->member));
}

static void begin_array(ov_json_splitter *s)
{
    ov_buf_append(&s->frame, "[]", 2);
    s->state = BEFORE_ELEMENT;
    s->found = true;
    s->had_element = s->is_name = s->string_ended = false;
}

/* One byte outside of strings and outside of the array. */
static ov_status take_around(ov_json_splitter *s, char c, ov_err *err)
{
    bool wanted = s->member ? s->is_name : s->depth == 0;
    if (is_space(c)) {
        /* One space keeps tokens apart, however many there were. */
        if (s->frame.len && s->frame.ptr[s->frame.len - 1] != ' ' && !s->string_ended)
            ov_buf_append_char(&s->frame, ' ');
        return OV_OK;
    }
    if (c == '[' && wanted) {
        if (s->found) return ov_fail(err, OV_INVALID, "%s: stands twice", s->member ? s->member : "array");
        begin_array(s);
        return OV_OK;
    }
    s->is_name = c == ':' && s->member && s->string_ended && s->depth == 1 && is_wanted_name(s);
    s->string_ended = false;
    if (c == '"') {
        s->in_string = true;
        s->name_at = s->frame.len;
    }
    if (c == '{' || c == '[') s->depth++;
    if ((c == '}' || c == ']') && s->depth) s->depth--;
    ov_buf_append_char(&s->frame, c);
    return OV_OK;
}

static ov_status feed_around(ov_json_splitter *s, const char **p, const char *end, ov_err *err)
{
    if (s->in_string) {
        const char *from = *p;
        s->string_ended = pass_string(s, p, end) && s->depth == 1;
        ov_buf_append(&s->frame, from, (size_t)(*p - from));
    } else {
        ov_status st = take_around(s, *(*p)++, err);
        if (st != OV_OK) return st;
    }
    return ov_buf_finish(&s->frame, "JSON around the array", err);
}

/* Hands one whole element out once the pull reader has accepted it. */
static ov_status give(ov_json_splitter *s, ov_str bytes, ov_err *err)
{
    ov_json_reader r;
    ov_json_token end;
    ov_str raw;
    ov_json_reader_init(&r, bytes);
    if (ov_json_skip(&r, &raw, err) != OV_OK || ov_json_next(&r, &end, err) != OV_OK)
        return ov_fail_in(err, OV_INVALID, "array element");
    return s->on_element(s->arg, bytes, err);
}

static ov_status end_element(ov_json_splitter *s, const char *from, const char *to, ov_err *err)
{
    ov_status st;
    s->state = AFTER_ELEMENT;
    s->had_element = true;
    if (s->element.len) {
        ov_buf_append(&s->element, from, (size_t)(to - from));
        st = ov_buf_finish(&s->element, "array element", err);
        if (st == OV_OK) st = give(s, ov_buf_str(&s->element), err);
        ov_buf_reset(&s->element);
        return st;
    }
    /* It began and ended in this piece: no copy. */
    if ((size_t)(to - from) > s->element.max)
        return ov_fail(err, OV_INVALID, "array element: more than %zu bytes", s->element.max);
    return give(s, (ov_str){from, (size_t)(to - from)}, err);
}

static void begin_element(ov_json_splitter *s, char c)
{
    s->state = IN_ELEMENT;
    s->depth = 0;
    s->scalar = c != '{' && c != '[' && c != '"';
}

static bool ends_scalar(char c)
{
    return is_space(c) || c == ',' || c == ']' || c == '}' || c == '[' || c == '{' || c == '"' || c == ':';
}

/* Passes bytes of the begun element; true when it ended before *p. */
static bool pass_element(ov_json_splitter *s, const char **p, const char *end)
{
    while (*p < end) {
        if (s->in_string) {
            if (pass_string(s, p, end) && s->depth == 0) return true;
            continue;
        }
        char c = **p;
        if (s->scalar && ends_scalar(c)) return true;
        (*p)++;
        if (c == '"') s->in_string = true;
        if (c == '{' || c == '[') s->depth++;
        if ((c == '}' || c == ']') && --s->depth == 0) return true;
    }
    return false;
}

static ov_status feed_element(ov_json_splitter *s, const char **p, const char *end, ov_err *err)
{
    const char *from = *p;
    if (pass_element(s, p, end)) return end_element(s, from, *p, err);
    ov_buf_append(&s->element, from, (size_t)(*p - from));
    return ov_buf_finish(&s->element, "array element", err);
}

/* One byte of the array between its elements. */
static ov_status take_between(ov_json_splitter *s, const char **p, ov_err *err)
{
    char c = **p;
    bool after = s->state == AFTER_ELEMENT;
    if (is_space(c)) {
        (*p)++;
    } else if (c == ']' && (after || !s->had_element)) {
        (*p)++;
        s->state = AROUND;
        s->depth = s->member ? 1 : 0;
    } else if (c == ',' && after) {
        (*p)++;
        s->state = BEFORE_ELEMENT;
    } else if (after || ends_scalar(c)) {
        if (!after && (c == '{' || c == '[' || c == '"')) {
            begin_element(s, c);
            return OV_OK;
        }
        return ov_fail(err, OV_INVALID, "%s", after ? "array: expected a comma or ]" : "array: expected an element");
    } else {
        begin_element(s, c);
    }
    return OV_OK;
}

static ov_status feed_some(ov_json_splitter *s, const char **p, const char *end, ov_err *err)
{
    if (s->state == AROUND) return feed_around(s, p, end, err);
    if (s->state == IN_ELEMENT) return feed_element(s, p, end, err);
    return take_between(s, p, err);
}

/* What failed once fails for good, with the same message. */
static ov_status fail_for_good(ov_json_splitter *s, ov_status st, const ov_err *why, ov_err *err)
{
    s->failed = st;
    s->err = *why;
    if (err) *err = *why;
    return st;
}

ov_status ov_json_splitter_feed(ov_json_splitter *s, ov_str piece, ov_err *err)
{
    if (s->failed != OV_OK) return fail_for_good(s, s->failed, &s->err, err);
    const char *p = piece.ptr, *end = piece.len ? piece.ptr + piece.len : p;
    ov_err why = {0};
    while (p < end) {
        ov_status st = feed_some(s, &p, end, &why);
        if (st != OV_OK) return fail_for_good(s, st, &why, err);
    }
    return OV_OK;
}

static ov_status check_named(const ov_json_splitter *s, const ov_json_token *value, unsigned times, ov_err *err)
{
    if (times > 1) return ov_fail(err, OV_INVALID, "%s: stands twice", s->member);
    if (value->type == OV_JSON_ARRAY || value->type == OV_JSON_NULL) return OV_OK;
    return ov_fail(err, OV_INVALID, "%s: expected an array", s->member);
}

/* The frame must be one JSON document; null in place of the array is an empty one. */
static ov_status check_frame(ov_json_splitter *s, ov_err *err)
{
    ov_json_reader r;
    ov_json_token t;
    bool named = false;
    unsigned times = s->member ? 0 : s->found;
    ov_json_reader_init(&r, ov_buf_str(&s->frame));
    do {
        if (ov_json_next(&r, &t, err) != OV_OK) return ov_fail_in(err, OV_INVALID, "JSON around the array");
        if (named && check_named(s, &t, ++times, err) != OV_OK) return OV_INVALID;
        named = s->member && r.depth == 1 && t.type == OV_JSON_NAME && ov_json_token_is(&t, ov_str_of(s->member));
    } while (t.type != OV_JSON_END);
    if (times) return OV_OK;
    return ov_fail(err, OV_INVALID, "%s: expected an array", s->member ? s->member : "document");
}

ov_status ov_json_splitter_finish(ov_json_splitter *s, ov_err *err)
{
    if (s->failed != OV_OK) return fail_for_good(s, s->failed, &s->err, err);
    ov_err why = {0};
    ov_status st;
    if (s->state == AROUND)
        st = check_frame(s, &why);
    else
        st = ov_fail(&why, OV_INVALID, "array: cut off before its end");
    return st == OV_OK ? OV_OK : fail_for_good(s, st, &why, err);
}

ov_str ov_json_splitter_around(const ov_json_splitter *s)
{
    return ov_buf_str(&s->frame);
}
