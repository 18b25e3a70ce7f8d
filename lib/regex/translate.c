/* Reads a pattern as Go's regexp/syntax does and writes what means the same to PCRE2. */
#include "regex/translate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "regex/parser.h"

#include "base/poison.h"

enum {
    REPEAT_MAX = 1000, /* of one count and of the product of nested ones, as in Go */
    DEPTH_MAX = 1000,
    TRANSLATED_MAX = 256 * 1024
};

typedef struct {
    int min, max; /* max -1: no upper bound */
} repeat_count;

static const char *const NEVER = "[^\\x{0}-\\x{10ffff}]"; /* matches no character */

/* Options are written where something that they change follows: an option alone is no atom, in Go as here. */
static void write_options(ov_re_parser *p, unsigned which)
{
    unsigned change = (p->flags ^ p->written) & which;
    if (!change) return;
    if (change & OV_RE_FOLD) ov_buf_append_c(&p->out, p->flags & OV_RE_FOLD ? "(?i)" : "(?-i)");
    if (change & OV_RE_DOT_ALL) ov_buf_append_c(&p->out, p->flags & OV_RE_DOT_ALL ? "(?s)" : "(?-s)");
    p->written ^= change;
}

/* What is written next is the atom. */
static void begin_atom(ov_re_parser *p, bool bare, uint32_t weight)
{
    bool filled = p->branch.filled || (p->branch.has_atom && !p->branch.nullable);
    p->branch = (ov_re_branch){.atom = p->out.len, .has_atom = true, .bare = bare, .filled = filled, .weight = weight};
    if (weight > p->weight) p->weight = weight;
}

/* The alternative that ends here can match the empty text. */
static bool is_branch_nullable(const ov_re_parser *p)
{
    return !p->branch.filled && (!p->branch.has_atom || p->branch.nullable);
}

static void write_literal(ov_re_parser *p, uint32_t c)
{
    write_options(p, OV_RE_FOLD);
    begin_atom(p, true, 1);
    if (c >= 0xD800 && c <= 0xDFFF)
        ov_buf_append_c(&p->out, NEVER);
    else
        ov_re_write_rune(&p->out, c);
}

static void write_assertion(ov_re_parser *p, const char *text)
{
    begin_atom(p, false, 1);
    p->branch.nullable = true;
    ov_buf_append_c(&p->out, text);
}

/* Puts text around the atom; with a quantifier behind, the whole is one atom to PCRE2. */
static void wrap_atom(ov_re_parser *p, const char *before, const char *behind)
{
    size_t shift = strlen(before), len = p->out.len - p->branch.atom;
    ov_buf_append_c(&p->out, before);
    if (p->out.failed) return;
    char *atom = p->out.ptr + p->branch.atom;
    memmove(atom + shift, atom, len);
    memcpy(atom, before, shift);
    ov_buf_append_c(&p->out, behind);
}

/* x{0} is the empty text; PCRE2 would still look into x for what a match begins with. */
static void drop_atom(ov_re_parser *p)
{
    if (!p->out.failed) p->out.len = p->branch.atom;
    ov_buf_append_c(&p->out, "(?:)");
    p->branch.bare = p->branch.nullable = true;
}

static void wrap_round(ov_re_parser *p)
{
    char before[64], behind[16];
    size_t loop = ++p->loops;
    snprintf(before, sizeof before, "(?:(?<" OV_RE_NAME ">)(?:(?<" OV_RE_NAME ">)", OV_RE_ENTRY, loop, OV_RE_ROUND,
             loop);
    snprintf(behind, sizeof behind, "(?C%zu))", loop);
    wrap_atom(p, before, behind);
}

/* sign is the operator when it is * + or ?, else 0. */
static void write_quantifier(ov_re_parser *p, repeat_count count, char sign, bool lazy)
{
    if (count.max == 0) {
        drop_atom(p);
        return;
    }
    bool loop = count.max < 0 && p->branch.nullable && p->loops < OV_RE_LOOPS_MAX;
    if (loop)
        wrap_round(p);
    else if (!p->branch.bare)
        wrap_atom(p, "(?:", ")");
    if (sign)
        ov_buf_append_char(&p->out, sign);
    else if (count.max < 0)
        ov_buf_printf(&p->out, "{%d,}", count.min);
    else
        ov_buf_printf(&p->out, "{%d,%d}", count.min, count.max);
    if (lazy) ov_buf_append_char(&p->out, '?');
    if (loop) ov_buf_append_char(&p->out, ')');
    p->branch.bare = loop; /* what would follow a quantifier means something else to PCRE2 */
    if (count.min == 0) p->branch.nullable = true;
}

/* The product of nested counts is bounded, as in Go. */
static ov_status weigh(ov_re_parser *p, repeat_count count, ov_str op)
{
    uint32_t weight = p->branch.weight ? p->branch.weight : 1;
    int times = count.max < 0 ? count.min : count.max;
    weight = count.max == 0 ? 0 : times > 1 ? weight * (uint32_t)times : weight;
    if ((count.min >= 2 || count.max >= 2) && weight > REPEAT_MAX) return ov_re_fail(p, "invalid repeat count", op);
    p->branch.weight = weight;
    if (weight > p->weight) p->weight = weight;
    return OV_OK;
}

/* from is where the operator began. */
static ov_status take_repeat(ov_re_parser *p, repeat_count count, size_t from, char sign)
{
    bool lazy = p->flags & OV_RE_LAZY;
    if (ov_re_ahead(p, "?")) {
        p->at++;
        lazy = !lazy;
    }
    ov_str op = ov_re_read_since(p, from);
    if (p->repeated) return ov_re_fail(p, "invalid nested repetition operator", op);
    if (!p->branch.has_atom) return ov_re_fail(p, "missing argument to repetition operator", op);
    write_quantifier(p, count, sign, lazy);
    return sign ? OV_OK : weigh(p, count, op);
}

/* A decimal number without leading zeros; larger ones than are allowed come back as one too large. */
static bool read_count(ov_re_parser *p, int *ret)
{
    ov_str s = ov_str_sub(p->src, p->at, p->src.len);
    if (!s.len || !ov_re_is_digit(s.ptr[0])) return false;
    if (s.len >= 2 && s.ptr[0] == '0' && ov_re_is_digit(s.ptr[1])) return false;
    int n = 0;
    size_t i = 0;
    for (; i < s.len && ov_re_is_digit(s.ptr[i]); i++) n = n > REPEAT_MAX ? n : n * 10 + (s.ptr[i] - '0');
    p->at += i;
    *ret = n;
    return true;
}

/* {2} {2,} {2,3}; false (and nothing read) when the brace is a literal. */
static bool read_counts(ov_re_parser *p, repeat_count *ret)
{
    size_t from = p->at++;
    bool ok = read_count(p, &ret->min);
    ret->max = ret->min;
    if (ok && ov_re_ahead(p, ",")) {
        p->at++;
        ret->max = -1;
        if (!ov_re_ahead(p, "}")) ok = read_count(p, &ret->max);
    }
    if (ok && ov_re_ahead(p, "}")) {
        p->at++;
        return true;
    }
    p->at = from;
    return false;
}

/* *ret_repeat tells whether the brace was one. */
static ov_status take_brace(ov_re_parser *p, bool *ret_repeat)
{
    repeat_count count = {0, 0};
    size_t from = p->at;
    *ret_repeat = read_counts(p, &count);
    if (!*ret_repeat) {
        p->at++;
        write_literal(p, '{');
        return OV_OK;
    }
    if (count.min > REPEAT_MAX || count.max > REPEAT_MAX || (count.max >= 0 && count.min > count.max))
        return ov_re_fail(p, "invalid repeat count", ov_re_read_since(p, from));
    return take_repeat(p, count, from, 0);
}

static ov_status open_group(ov_re_parser *p, const char *text)
{
    if (p->open_count == DEPTH_MAX) return ov_fail(p->err, OV_INVALID, "expression nests too deeply");
    ov_grow(&p->open, &p->open_cap, p->open_count + 1, sizeof *p->open);
    p->open[p->open_count++] =
        (ov_re_group){p->branch, p->out.len, p->flags, p->written, p->weight, p->branch_nullable};
    ov_buf_append_c(&p->out, text);
    p->branch = (ov_re_branch){0};
    p->branch_nullable = false;
    p->weight = 0;
    return OV_OK;
}

static ov_status open_capture(ov_re_parser *p, ov_str name)
{
    ov_grow(&p->names, &p->name_cap, p->name_count + 1, sizeof *p->names);
    p->names[p->name_count++] = name;
    char text[32];
    snprintf(text, sizeof text, "(?<" OV_RE_NAME ">", OV_RE_GROUP, p->name_count);
    return open_group(p, text);
}

static ov_status close_group(ov_re_parser *p)
{
    if (!p->open_count) return ov_re_fail(p, "unexpected )", p->src);
    ov_re_group g = p->open[--p->open_count];
    uint32_t weight = p->weight ? p->weight : 1;
    bool nullable = p->branch_nullable || is_branch_nullable(p);
    p->at++;
    p->flags = g.flags;
    p->written = g.written;
    p->weight = g.weight;
    p->branch = g.outer;
    p->branch_nullable = g.branch_nullable;
    begin_atom(p, true, weight);
    p->branch.atom = g.begin;
    p->branch.nullable = nullable;
    ov_buf_append_char(&p->out, ')');
    return OV_OK;
}

static bool is_group_name(ov_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != '_' && !ov_re_is_digit(name.ptr[i]) && !ov_re_is_letter(name.ptr[i])) return false;
    }
    return name.len > 0;
}

/* Behind (?< or (?P<. */
static ov_status take_named_group(ov_re_parser *p, size_t from)
{
    size_t end = ov_str_find(p->src, '>', p->at);
    ov_str name = ov_str_sub(p->src, p->at, end);
    if (end == p->src.len || !is_group_name(name))
        return ov_re_fail(p, "invalid named capture", ov_str_sub(p->src, from, end + 1));
    p->at = end + 1;
    return open_capture(p, name);
}

static unsigned option_of(char c)
{
    switch (c) {
    case 'i':
        return OV_RE_FOLD;
    case 'm':
        return OV_RE_LINES;
    case 's':
        return OV_RE_DOT_ALL;
    case 'U':
        return OV_RE_LAZY;
    default:
        return 0;
    }
}

/* Behind (?: options, then : for a group or ) for the rest of this one. */
static ov_status take_options(ov_re_parser *p, size_t from)
{
    unsigned flags = p->flags;
    bool minus = false, any_behind_minus = false;
    while (p->at < p->src.len) {
        char c = p->src.ptr[p->at++];
        unsigned option = option_of(c);
        if (option) {
            flags = minus ? flags & ~option : flags | option;
            any_behind_minus = minus;
        } else if (c == '-' && !minus) {
            minus = true;
        } else if ((c == ':' || c == ')') && (!minus || any_behind_minus)) {
            ov_status st = c == ':' ? open_group(p, "(?:") : OV_OK;
            p->flags = flags;
            return st;
        } else {
            break;
        }
    }
    /* A character of several bytes may have been begun. */
    while (p->at < p->src.len && ((unsigned char)p->src.ptr[p->at] & 0xC0) == 0x80) p->at++;
    return ov_re_fail(p, "invalid or unsupported Perl syntax", ov_re_read_since(p, from));
}

static ov_status take_open(ov_re_parser *p)
{
    size_t from = p->at;
    const char *named = ov_re_ahead(p, "(?P<") ? "(?P<" : "(?<";
    if (ov_re_ahead(p, named)) {
        p->at += strlen(named);
        return take_named_group(p, from);
    }
    if (ov_re_ahead(p, "(?")) {
        p->at += 2;
        return take_options(p, from);
    }
    p->at++;
    return open_capture(p, OV_STR(""));
}

static void take_quoted(ov_re_parser *p)
{
    p->at += 2;
    while (p->at < p->src.len && !ov_re_ahead(p, "\\E")) write_literal(p, ov_re_rune(p));
    if (p->at < p->src.len) p->at += 2;
}

static ov_status take_backslash(ov_re_parser *p)
{
    static const struct {
        const char *go, *pcre;
    } assertions[] = {{"\\A", "\\A"}, {"\\z", "\\z"}, {"\\b", "\\b"}, {"\\B", "\\B"}};
    for (size_t i = 0; i < OV_COUNT(assertions); i++) {
        if (!ov_re_ahead(p, assertions[i].go)) continue;
        p->at += 2;
        write_assertion(p, assertions[i].pcre);
        return OV_OK;
    }
    if (ov_re_ahead(p, "\\Q")) {
        take_quoted(p);
        return OV_OK;
    }
    bool taken = false;
    write_options(p, OV_RE_FOLD);
    begin_atom(p, true, 1);
    ov_status st = ov_re_set(p, &taken);
    if (st != OV_OK || taken) return st;
    uint32_t c;
    st = ov_re_escape(p, &c);
    if (st == OV_OK) write_literal(p, c);
    return st;
}

static void take_bar(ov_re_parser *p)
{
    p->at++;
    ov_buf_append_char(&p->out, '|');
    p->branch_nullable = p->branch_nullable || is_branch_nullable(p);
    p->branch = (ov_re_branch){0};
}

static void take_dot(ov_re_parser *p)
{
    p->at++;
    write_options(p, OV_RE_DOT_ALL);
    begin_atom(p, true, 1);
    ov_buf_append_char(&p->out, '.');
}

/* Go's (?m)^ matches behind a newline at the very end too, its $ without (?m) at the end alone. */
static void take_anchor(ov_re_parser *p)
{
    bool lines = p->flags & OV_RE_LINES;
    if (p->src.ptr[p->at++] == '^')
        write_assertion(p, lines ? "(?<![^\\n])" : "\\A");
    else
        write_assertion(p, lines ? "(?![^\\n])" : "\\z");
}

static ov_status take_class(ov_re_parser *p)
{
    write_options(p, OV_RE_FOLD);
    begin_atom(p, true, 1);
    return ov_re_class(p);
}

static ov_status take_sign(ov_re_parser *p, char c)
{
    size_t from = p->at++;
    return take_repeat(p, (repeat_count){c == '+', c == '?' ? 1 : -1}, from, c);
}

static ov_status take_one(ov_re_parser *p)
{
    char c = p->src.ptr[p->at];
    bool repeat = c == '*' || c == '+' || c == '?';
    ov_status st = OV_OK;
    switch (c) {
    case '*':
    case '+':
    case '?':
        st = take_sign(p, c);
        break;
    case '{':
        st = take_brace(p, &repeat);
        break;
    case '(':
        st = take_open(p);
        break;
    case ')':
        st = close_group(p);
        break;
    case '|':
        take_bar(p);
        break;
    case '^':
    case '$':
        take_anchor(p);
        break;
    case '.':
        take_dot(p);
        break;
    case '[':
        st = take_class(p);
        break;
    case '\\':
        st = take_backslash(p);
        break;
    default:
        write_literal(p, ov_re_rune(p));
    }
    p->repeated = repeat;
    return st;
}

ov_status ov_regex_translate(ov_str pattern, ov_translation *ret, ov_err *err)
{
    if (!ov_str_is_utf8(pattern)) return ov_fail(err, OV_INVALID, "invalid UTF-8");
    ov_re_parser p = {.src = pattern, .out = OV_BUF(TRANSLATED_MAX), .err = err};
    ov_status st = OV_OK;
    while (st == OV_OK && p.at < pattern.len) st = take_one(&p);
    if (st == OV_OK && p.open_count) st = ov_re_fail(&p, "missing closing )", pattern);
    if (st == OV_OK) st = ov_buf_finish(&p.out, "translated pattern", err);
    free(p.open);
    *ret = (ov_translation){p.out, p.names, p.name_count, p.loops};
    return st;
}

void ov_translation_clear(ov_translation *t)
{
    ov_buf_clear(&t->pattern);
    free(t->names);
    *t = (ov_translation){0};
}
