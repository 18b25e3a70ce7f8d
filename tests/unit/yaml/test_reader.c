/* The event reader: events, places, limits, aliases, bytes that come in pieces. */
#include "yaml/yaml.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/check.h"

#include "base/poison.h"

/* A letter per event; scalars as their text, keys with a colon behind. */
static ov_status trace(ov_yaml *y, ov_buf *out, ov_err *err)
{
    static const char letters[] = ".DdMmSs";
    for (;;) {
        ov_yaml_event e;
        ov_status st = ov_yaml_next(y, &e, err);
        if (st != OV_OK) return st;
        if (e.type == OV_YAML_SCALAR)
            ov_buf_printf(out, "<%.*s>%s", OV_STR_ARG(e.text), e.key ? ":" : "");
        else
            ov_buf_append_char(out, letters[e.type]);
        if (e.type == OV_YAML_END) return OV_OK;
    }
}

static void test_events(void)
{
    static const struct {
        const char *text, *events;
    } rows[] = {
        {"", "."},
        {"# nothing\n", "."},
        {"---\n---\na\n", "D<>dD<a>d."},
        {"a: 1\nb: [x, {c: d}]\n", "DM<a>:<1><b>:S<x>M<c>:<d>msmd."},
        {"{\"entries\":{\"a\":[{\"version\":\"1.0.0\"}]}}", "DM<entries>:M<a>:SM<version>:<1.0.0>msmmd."},
        {"? [k]\n: v\n", "DMS<k>s<v>md."},
        {"a: &x 1\nb: *x\n*x : 2\n", "DM<a>:<1><b>:<1><1>:<2>md."},
        {"a: &x {p: &y [1]}\nb: *x\nc: *y\n", "DM<a>:M<p>:S<1>sm<b>:M<p>:S<1>sm<c>:S<1>smd."},
        {"a: &x 1\nb: &x 2\nc: *x\n", "DM<a>:<1><b>:<2><c>:<2>md."},
        {"a: &x &y\n", NULL},
        {"a: >-\n  3.2\n  .0\n", "DM<a>:<3.2 .0>md."},
        {"\xEF\xBB\xBF"
         "a: b\n",
         "DM<a>:<b>md."},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new_text(ov_str_of(rows[i].text), OV_YAML_EXPAND_ALIASES);
        ov_buf out = OV_BUF(1024);
        ov_err err = {0};
        check_case(rows[i].text);
        CHECK_INT(trace(y, &out, &err), rows[i].events ? OV_OK : OV_INVALID);
        if (rows[i].events) CHECK_STR(ov_buf_str(&out), ov_str_of(rows[i].events));
        ov_buf_clear(&out);
    }
    check_case(NULL);
}

static void test_errors(void)
{
    static const struct {
        const char *text;
        ov_yaml_aliases aliases;
        const char *error;
    } rows[] = {
        {"entries:\n  x:\n - y: [\n", OV_YAML_REFUSE_ALIASES, "line 3, column 2: did not find expected key"},
        {"a: &x 1\nb: *x\n", OV_YAML_REFUSE_ALIASES, "line 2, column 4: alias: not allowed here: x"},
        {"a: *x\n", OV_YAML_EXPAND_ALIASES, "line 1, column 4: alias without an anchor: x"},
        {"a: &x [1, *x]\n", OV_YAML_EXPAND_ALIASES, "line 1, column 11: alias to a node that it is part of: x"},
        {"a: &x 1\n---\nb: *x\n", OV_YAML_EXPAND_ALIASES, "line 3, column 4: alias without an anchor: x"},
        {"a: \"x\\0y\"\n", OV_YAML_REFUSE_ALIASES, "line 1, column 4: NUL character in a scalar"},
        {"a: \xFF\n", OV_YAML_REFUSE_ALIASES, "line 1, column 1: invalid leading UTF-8 octet"},
        {"a: b: c\n", OV_YAML_REFUSE_ALIASES, "line 1, column 5: mapping values are not allowed in this context"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new_text(ov_str_of(rows[i].text), rows[i].aliases);
        ov_buf out = OV_BUF(1024);
        ov_err err = {0};
        ov_yaml_event e;
        check_case(rows[i].text);
        CHECK_INT(trace(y, &out, &err), OV_INVALID);
        CHECK(ov_str_starts(ov_str_of(err.msg), ov_str_of(rows[i].error)) || CHECK_C(err.msg, rows[i].error));
        CHECK_INT(ov_yaml_next(y, &e, &err), OV_INVALID);
        ov_buf_clear(&out);
    }
    check_case(NULL);
}

static ov_status read_to_end(ov_str text, ov_err *err)
{
    OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new_text(text, OV_YAML_EXPAND_ALIASES);
    for (;;) {
        ov_yaml_event e;
        ov_status st = ov_yaml_next(y, &e, err);
        if (st != OV_OK || e.type == OV_YAML_END) return st;
    }
}

static void test_depth(void)
{
    for (size_t depth = OV_YAML_DEPTH_MAX; depth <= 100 * OV_YAML_DEPTH_MAX; depth += 99 * OV_YAML_DEPTH_MAX) {
        ov_buf text = OV_BUF(100000);
        ov_err err = {0};
        for (size_t i = 0; i < depth; i++) ov_buf_append_char(&text, '[');
        for (size_t i = 0; i < depth; i++) ov_buf_append_char(&text, ']');
        CHECK_INT(read_to_end(ov_buf_str(&text), &err), depth > OV_YAML_DEPTH_MAX ? OV_INVALID : OV_OK);
        if (depth > OV_YAML_DEPTH_MAX) CHECK_C(err.msg, "line 1, column 101: nested too deeply");
        ov_buf_clear(&text);
    }
}

static void test_large_scalar(void)
{
    ov_buf text = OV_BUF(8 * 1024 * 1024);
    ov_err err = {0};
    ov_buf_append_c(&text, "a: \"");
    memset(ov_buf_extend(&text, OV_YAML_SCALAR_MAX + 1024 * 1024), 'x', OV_YAML_SCALAR_MAX + 1024 * 1024);
    CHECK_STATUS(read_to_end(ov_buf_str(&text), &err), OV_INVALID, &err);
    CHECK_C(err.msg, "line 1: scalar of more than 4194304 bytes");
    ov_buf_clear(&text);
}

static void test_alias_bombs(void)
{
    ov_buf text = OV_BUF(1024 * 1024);
    ov_err err = {0};
    ov_buf_append_c(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 10; i++)
        ov_buf_printf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1,
                      i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    CHECK_STATUS(read_to_end(ov_buf_str(&text), &err), OV_INVALID, &err);
    CHECK(strstr(err.msg, "anchored nodes too large") != NULL);

    ov_buf_reset(&text);
    ov_buf_append_c(&text, "a: &a [");
    for (int i = 0; i < 10000; i++) ov_buf_append_c(&text, "x,");
    ov_buf_append_c(&text, "]\nb: [");
    for (int i = 0; i < 1000; i++) ov_buf_append_c(&text, "*a ,");
    ov_buf_append_c(&text, "]\n");
    CHECK_STATUS(read_to_end(ov_buf_str(&text), &err), OV_INVALID, &err);
    CHECK(strstr(err.msg, "aliases expand to more than a million nodes: a") != NULL);
    ov_buf_clear(&text);
}

typedef struct {
    ov_str text;
    size_t piece;
    ov_status at_end;
} pieces;

static ov_status read_piece(void *arg, char *out, size_t max, size_t *ret_len, ov_err *err)
{
    pieces *p = arg;
    size_t len = p->piece < max ? p->piece : max;
    ov_str part = ov_str_sub(p->text, 0, len);
    memcpy(out, part.ptr, part.len);
    p->text = ov_str_sub(p->text, part.len, p->text.len);
    *ret_len = part.len;
    return part.len || p->at_end == OV_OK ? OV_OK : ov_fail(err, p->at_end, "connection lost");
}

static void test_pieces(void)
{
    for (size_t piece = 1; piece < 20; piece++) {
        pieces p = {OV_STR("a: [\xC3\xA9, 'b c']\n---\nd: |\n  e\n"), piece, OV_OK};
        OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new(read_piece, &p, OV_YAML_REFUSE_ALIASES);
        ov_buf out = OV_BUF(1024);
        ov_err err = {0};
        CHECK_OK(trace(y, &out, &err), &err);
        CHECK_STR(ov_buf_str(&out), OV_STR("DM<a>:S<\xC3\xA9><b c>smdDM<d>:<e\n>md."));
        ov_buf_clear(&out);
    }
    pieces p = {OV_STR("a: [b, c"), 4, OV_RETRY};
    OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new(read_piece, &p, OV_YAML_REFUSE_ALIASES);
    ov_buf out = OV_BUF(1024);
    ov_err err = {0};
    CHECK_INT(trace(y, &out, &err), OV_RETRY);
    CHECK_C(err.msg, "connection lost");
    ov_buf_clear(&out);
}

static void test_skip(void)
{
    OV_CLEANUP(ov_yaml_free_p)
    ov_yaml *y = ov_yaml_new_text(OV_STR("a: {b: [1, {c: d}], e: f}\ng: h\n"), OV_YAML_REFUSE_ALIASES);
    ov_yaml_event e;
    ov_err err = {0};
    for (int i = 0; i < 4; i++) CHECK_OK(ov_yaml_next(y, &e, &err), &err);
    CHECK_INT(e.type, OV_YAML_MAPPING);
    CHECK_INT(e.depth, 1);
    CHECK_OK(ov_yaml_skip(y, &e, &err), &err);
    CHECK_OK(ov_yaml_next(y, &e, &err), &err);
    CHECK_STR(e.text, OV_STR("g"));
    CHECK(e.key);
    CHECK_INT(e.line, 2);
    CHECK_INT(e.column, 1);
    CHECK_OK(ov_yaml_skip(y, &e, &err), &err);
    CHECK_OK(ov_yaml_next(y, &e, &err), &err);
    CHECK_STR(e.text, OV_STR("h"));
    CHECK(!e.key);
}

int main(void)
{
    test_events();
    test_errors();
    test_depth();
    test_large_scalar();
    test_alias_bombs();
    test_pieces();
    test_skip();
    return check_end();
}
