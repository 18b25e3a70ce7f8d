/* Character classes: Go's sets are ASCII ranges and Unicode tables, written out so that PCRE2 adds nothing of its own.
 */
#include "regex/parser.h"

#include "base/poison.h"

typedef struct {
    const char *name;
    unsigned char ranges[16]; /* pairs, in order, ended by 0, 0 (from the second pair on) */
} ascii_set;

static const ascii_set perl_sets[] = {
    {"d", {'0', '9'}},
    {"s", {'\t', '\n', '\f', '\r', ' ', ' '}}, /* no \v in Go */
    {"w", {'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}},
};

static const ascii_set posix_sets[] = {
    {"alnum", {'0', '9', 'A', 'Z', 'a', 'z'}},
    {"alpha", {'A', 'Z', 'a', 'z'}},
    {"ascii", {0, 0x7F}},
    {"blank", {'\t', '\t', ' ', ' '}},
    {"cntrl", {0, 0x1F, 0x7F, 0x7F}},
    {"digit", {'0', '9'}},
    {"graph", {'!', '~'}},
    {"lower", {'a', 'z'}},
    {"print", {' ', '~'}},
    {"punct", {'!', '/', ':', '@', '[', '`', '{', '~'}},
    {"space", {'\t', '\r', ' ', ' '}},
    {"upper", {'A', 'Z'}},
    {"word", {'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}},
    {"xdigit", {'0', '9', 'A', 'F', 'a', 'f'}},
};

static const ascii_set any_ascii = {"ascii", {0, 0x7F}};

/* Written between the brackets of a class. Surrogates are left out: no valid text has them. */
static void write_range(ov_buf *out, uint32_t lo, uint32_t hi)
{
    if (lo >= 0xD800 && lo <= 0xDFFF) lo = 0xE000;
    if (hi >= 0xD800 && hi <= 0xDFFF) hi = 0xD7FF;
    if (lo > hi) return;
    ov_re_write_rune(out, lo);
    if (lo == hi) return;
    ov_buf_append_char(out, '-');
    ov_re_write_rune(out, hi);
}

static size_t range_count(const ascii_set *set)
{
    size_t n = 1;
    while (2 * n + 1 < sizeof set->ranges && set->ranges[2 * n + 1]) n++;
    return n;
}

static bool holds(const ascii_set *set, char c)
{
    for (size_t i = 0; i < range_count(set); i++) {
        if (c >= set->ranges[2 * i] && c <= set->ranges[2 * i + 1]) return true;
    }
    return false;
}

/* The set's case variants that are ASCII: marks per character. */
static void mark_folded(const ascii_set *set, bool fold, bool marks[128])
{
    for (int c = 0; c < 128; c++) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        marks[c] = holds(set, (char)c) || (fold && letter && holds(set, (char)(c ^ 0x20)));
    }
}

/* All but the set and (folded) its case variants: with (?i) the complement has no variant outside of itself, so that
 * PCRE2, which folds what is written, adds nothing to it. */
static void write_complement(ov_buf *out, const ascii_set *set, bool fold)
{
    bool marks[128];
    mark_folded(set, fold, marks);
    for (uint32_t c = 0; c < 128; c++) {
        if (marks[c]) continue;
        uint32_t from = c;
        while (c + 1 < 128 && !marks[c + 1]) c++;
        write_range(out, from, c);
    }
    uint32_t next = 0x80;
    if (fold && marks['s']) { /* U+017F folds to s, U+212A to k */
        write_range(out, next, 0x17E);
        next = 0x180;
    }
    if (fold && marks['k']) {
        write_range(out, next, 0x2129);
        next = 0x212B;
    }
    write_range(out, next, OV_RE_RUNE_MAX);
}

static void write_ascii_set(ov_re_parser *p, const ascii_set *set, bool negated)
{
    if (negated) {
        write_complement(&p->out, set, p->flags & OV_RE_FOLD);
        return;
    }
    for (size_t i = 0; i < range_count(set); i++) write_range(&p->out, set->ranges[2 * i], set->ranges[2 * i + 1]);
}

static const ascii_set *find_set(const ascii_set *sets, size_t count, ov_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (ov_str_eq(name, ov_str_of(sets[i].name))) return &sets[i];
    }
    return NULL;
}

/* \d \D \s \S \w \W, without brackets. */
static bool take_perl_set(ov_re_parser *p)
{
    ov_str ahead = ov_str_sub(p->src, p->at, p->at + 2);
    if (ahead.len < 2 || ahead.ptr[0] != '\\') return false;
    char letter = (char)(ahead.ptr[1] | 0x20);
    const ascii_set *set = find_set(perl_sets, OV_COUNT(perl_sets), (ov_str){&letter, 1});
    if (!set) return false;
    p->at += 2;
    write_ascii_set(p, set, ahead.ptr[1] != letter);
    return true;
}

/* \pL \p{Greek} \p{^Greek}: the name without braces and ^; the parser stands behind it. */
static bool read_unicode_name(ov_re_parser *p, ov_str *ret_name, bool *ret_negated)
{
    *ret_negated = p->src.ptr[p->at + 1] == 'P';
    p->at += 2;
    if (p->at == p->src.len) return false;
    size_t from = p->at;
    if (ov_re_rune(p) != '{') {
        *ret_name = ov_re_read_since(p, from);
    } else {
        size_t end = ov_str_find(p->src, '}', p->at);
        if (end == p->src.len) {
            p->at = end;
            return false;
        }
        *ret_name = ov_str_sub(p->src, p->at, end);
        p->at = end + 1;
    }
    if (ret_name->len && ret_name->ptr[0] == '^') {
        *ret_negated = !*ret_negated;
        *ret_name = ov_str_sub(*ret_name, 1, ret_name->len);
    }
    return true;
}

/* Without brackets. */
static ov_status take_unicode_set(ov_re_parser *p)
{
    size_t from = p->at;
    ov_str name = {0};
    bool negated = false;
    char known[64];
    ov_str pcre = {0};
    if (read_unicode_name(p, &name, &negated)) pcre = ov_re_unicode_name(name, known, sizeof known);
    if (!pcre.len) return ov_re_fail(p, "invalid character class range", ov_re_read_since(p, from));
    if (ov_str_eq(pcre, OV_STR("ASCII"))) {
        write_ascii_set(p, &any_ascii, negated);
        return OV_OK;
    }
    bool cased = ov_str_eq(pcre, OV_STR("Lu")) || ov_str_eq(pcre, OV_STR("Ll")) || ov_str_eq(pcre, OV_STR("Lt"));
    if (cased && p->flags & OV_RE_FOLD) pcre = OV_STR("L&");
    if (ov_str_eq(pcre, OV_STR("Assigned"))) {
        pcre = OV_STR("Cn");
        negated = !negated;
    }
    ov_buf_printf(&p->out, "\\%c{%.*s}", negated ? 'P' : 'p', OV_STR_ARG(pcre));
    return OV_OK;
}

static bool unicode_ahead(const ov_re_parser *p)
{
    return ov_re_ahead(p, "\\p") || ov_re_ahead(p, "\\P");
}

ov_status ov_re_set(ov_re_parser *p, bool *ret_taken)
{
    *ret_taken = true;
    size_t begin = p->out.len;
    ov_status st = OV_OK;
    ov_buf_append_char(&p->out, '[');
    if (unicode_ahead(p)) {
        st = take_unicode_set(p);
    } else if (!take_perl_set(p)) {
        if (!p->out.failed) p->out.len = begin;
        *ret_taken = false;
        return OV_OK;
    }
    ov_buf_append_char(&p->out, ']');
    return st;
}

/* [:alpha:] inside of a class. */
static ov_status take_posix_set(ov_re_parser *p, bool *ret_taken)
{
    ov_str rest = ov_str_sub(p->src, p->at, p->src.len);
    *ret_taken = false;
    if (!ov_str_starts(rest, OV_STR("[:"))) return OV_OK;
    const char *end = rest.len > 2 ? memmem(rest.ptr + 2, rest.len - 2, ":]", 2) : NULL;
    if (!end) return OV_OK;
    ov_str name = ov_str_sub(rest, 2, (size_t)(end - rest.ptr));
    bool negated = name.len && name.ptr[0] == '^';
    const ascii_set *set = find_set(posix_sets, OV_COUNT(posix_sets), ov_str_sub(name, negated, name.len));
    size_t from = p->at;
    p->at += (size_t)(end - rest.ptr) + 2;
    if (!set) return ov_re_fail(p, "invalid character class range", ov_re_read_since(p, from));
    *ret_taken = true;
    write_ascii_set(p, set, negated);
    return OV_OK;
}

static ov_status read_class_rune(ov_re_parser *p, size_t class_at, uint32_t *ret)
{
    if (p->at == p->src.len) return ov_re_fail(p, "missing closing ]", ov_str_sub(p->src, class_at, p->src.len));
    if (p->src.ptr[p->at] == '\\') return ov_re_escape(p, ret);
    *ret = ov_re_rune(p);
    return OV_OK;
}

static ov_status take_range(ov_re_parser *p, size_t class_at)
{
    size_t from = p->at;
    uint32_t lo = 0, hi = 0;
    ov_status st = read_class_rune(p, class_at, &lo);
    if (st != OV_OK) return st;
    hi = lo;
    ov_str rest = ov_str_sub(p->src, p->at, p->src.len);
    if (rest.len >= 2 && rest.ptr[0] == '-' && rest.ptr[1] != ']') {
        p->at++;
        st = read_class_rune(p, class_at, &hi);
        if (st != OV_OK) return st;
        if (hi < lo) return ov_re_fail(p, "invalid character class range", ov_re_read_since(p, from));
    }
    write_range(&p->out, lo, hi);
    return OV_OK;
}

static ov_status take_item(ov_re_parser *p, size_t class_at)
{
    bool taken = false;
    ov_status st = take_posix_set(p, &taken);
    if (st != OV_OK || taken) return st;
    if (unicode_ahead(p)) return take_unicode_set(p);
    return take_perl_set(p) ? OV_OK : take_range(p, class_at);
}

ov_status ov_re_class(ov_re_parser *p)
{
    size_t class_at = p->at++, begin = p->out.len;
    bool negated = ov_re_ahead(p, "^");
    if (negated) p->at++;
    ov_buf_append_c(&p->out, negated ? "[^" : "[");
    size_t items = p->out.len;
    bool first = true; /* a ] here stands for itself */
    while (first || !ov_re_ahead(p, "]")) {
        first = false;
        ov_status st = take_item(p, class_at);
        if (st != OV_OK) return st;
    }
    p->at++;
    if (p->out.len == items && !p->out.failed) {
        /* Only what matches nothing was written: PCRE2 would read on for the bracket. */
        p->out.len = begin;
        ov_buf_append_c(&p->out, negated ? "[\\x{0}-\\x{10ffff}" : "[^\\x{0}-\\x{10ffff}");
    }
    ov_buf_append_char(&p->out, ']');
    return OV_OK;
}
