/* Expands $1, ${name} and $$ as Go does: a name is as long as it can be, what is malformed stays as it is. */
#include "regex/template.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "regex/regex.h"

#include "base/poison.h"

static bool is_ascii_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Names may hold letters and digits of any script: PCRE2's tables know them. */
static size_t unicode_name_len(ov_str s)
{
    static const char pattern[] = "\\A[\\p{L}\\p{Nd}_]+";
    int code;
    PCRE2_SIZE at;
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)pattern, sizeof pattern - 1, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &at, NULL);
    pcre2_match_data *m = re ? pcre2_match_data_create(1, NULL) : NULL;
    if (!m) abort();
    size_t len = 0;
    if (pcre2_match(re, (PCRE2_SPTR)s.ptr, s.len, 0, 0, m, NULL) >= 0) len = pcre2_get_ovector_pointer(m)[1];
    pcre2_match_data_free(m);
    pcre2_code_free(re);
    return len;
}

static size_t name_len(ov_str s)
{
    size_t len = 0;
    while (len < s.len && is_ascii_name(s.ptr[len])) len++;
    if (len == s.len || (unsigned char)s.ptr[len] < 0x80) return len;
    return unicode_name_len(s);
}

/* The name behind a $ and the length of its reference; an empty name when it is malformed. */
static ov_str read_name(ov_str behind, size_t *ret_len)
{
    bool brace = behind.len && behind.ptr[0] == '{';
    ov_str rest = ov_str_sub(behind, brace, behind.len);
    size_t len = name_len(rest);
    if (brace && (len == rest.len || rest.ptr[len] != '}')) return (ov_str){0};
    *ret_len = len + (brace ? 2 : 0);
    return ov_str_sub(rest, 0, len);
}

/* A group's number; false for a name (leading zeros make one, too). */
static bool read_number(ov_str name, size_t *ret)
{
    size_t n = 0;
    if (name.len > 1 && name.ptr[0] == '0') return false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] < '0' || name.ptr[i] > '9' || n >= 100000000) return false;
        n = n * 10 + (size_t)(name.ptr[i] - '0');
    }
    *ret = n;
    return true;
}

static bool group_text(const ov_match *m, size_t group, ov_str *ret)
{
    if (group > m->group_count) return false;
    size_t pair = group ? m->groups[group - 1] : 0;
    if (pair >= m->pairs || m->offsets[2 * pair] == PCRE2_UNSET) return false;
    *ret = ov_str_sub(m->content, m->offsets[2 * pair], m->offsets[2 * pair + 1]);
    return true;
}

/* Of several groups with the name the first that took part. */
static ov_str lookup(const ov_match *m, ov_str name)
{
    ov_str text = {0};
    size_t number;
    if (read_number(name, &number)) {
        (void)group_text(m, number, &text);
        return text;
    }
    for (size_t i = 0; i < m->group_count; i++) {
        if (ov_str_eq(m->names[i], name) && group_text(m, i + 1, &text)) break;
    }
    return text;
}

bool ov_template_expand(ov_str tmpl, const ov_match *m, ov_buf *out)
{
    size_t left = OV_REGEX_RESULT_MAX, at = 0;
    while (at < tmpl.len) {
        ov_str piece = ov_str_sub(tmpl, at, ov_str_find(tmpl, '$', at));
        size_t len = piece.len;
        if (!len) {
            ov_str behind = ov_str_sub(tmpl, at + 1, tmpl.len);
            ov_str name = read_name(behind, &len);
            bool dollar = behind.len && behind.ptr[0] == '$';
            piece = name.len ? lookup(m, name) : OV_STR("$");
            len = name.len ? len + 1 : dollar ? 2 : 1;
        }
        if (piece.len > left) return false;
        left -= piece.len;
        ov_buf_append_str(out, piece);
        at += len;
    }
    return true;
}
