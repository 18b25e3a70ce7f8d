/* Compiles a translated pattern with PCRE2 and matches it in bounded time. By the interpreter: what is compiled just in
 * time does not count its backtracking over repeated characters, and may take seconds within any limit. */
#include "regex/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "regex/template.h"
#include "regex/translate.h"

#include "base/poison.h"

enum {
    NEST_MAX = 1100, /* above what the translation lets through */
    SHOWN_MAX = 80
};

/* The groups that hold where a loop was entered and where its current round began. */
typedef struct {
    uint32_t entry, round;
} loop;

/* Most matches end within the first of these limits of PCRE2: they hold for each place where a match may begin. The
 * last ones are for few places. */
static const uint32_t limits[] = {32, 128, 512, OV_REGEX_PLACE_LIMIT, 10000, OV_REGEX_MATCH_LIMIT};

static bool is_allowed(uint32_t limit, size_t places)
{
    return limit <= OV_REGEX_PLACE_LIMIT || places == 1 || limit * places <= OV_REGEX_TOTAL_LIMIT;
}

struct ov_regex {
    pcre2_code *code;
    pcre2_match_context *context; /* of compiling; each match has a copy with its limit */
    bool anchored;
    char *pattern;    /* as it was given; names point into it */
    ov_str *names;    /* of Go's groups */
    uint32_t *groups; /* PCRE2's numbers of Go's groups */
    size_t group_count;
    loop *loops;
};

/* Not more than max bytes of s, cut between characters. */
static ov_str shown(ov_str s)
{
    size_t end = s.len > SHOWN_MAX ? SHOWN_MAX : s.len;
    while (end < s.len && end && ((unsigned char)s.ptr[end] & 0xC0) == 0x80) end--;
    return ov_str_sub(s, 0, end);
}

/* Puts the pattern before the message. */
static ov_status fail_in_pattern(ov_err *err, ov_str pattern)
{
    char prefix[SHOWN_MAX + 32];
    ov_str text = shown(pattern);
    snprintf(prefix, sizeof prefix, "regex \"%.*s%s\"", OV_STR_ARG(text), text.len < pattern.len ? "..." : "");
    return ov_fail_in(err, OV_INVALID, prefix);
}

static void free_compile_context(pcre2_compile_context **c)
{
    pcre2_compile_context_free(*c);
}

static void *or_abort(void *p)
{
    if (!p) abort();
    return p;
}

static uint32_t group_number(const pcre2_code *code, char kind, size_t i)
{
    char name[32];
    snprintf(name, sizeof name, OV_RE_NAME, kind, i);
    int number = pcre2_substring_number_from_name(code, (PCRE2_SPTR)name);
    /* What stood under {0} was not written and takes part in no match. */
    return number < 0 ? UINT32_MAX : (uint32_t)number;
}

/* At the end of a loop's round: an empty round other than the first does not count (see translate.h). */
static int judge_round(pcre2_callout_block *at, void *regex)
{
    const ov_regex *re = regex;
    const loop *l = &re->loops[at->callout_number - 1];
    size_t begin = at->offset_vector[2 * l->round];
    return begin == at->current_position && begin != at->offset_vector[2 * l->entry];
}

static void number_groups(ov_regex *re, ov_translation *t)
{
    re->group_count = t->name_count;
    re->names = OV_TAKE(t->names);
    re->groups = ov_calloc(re->group_count + 1, sizeof *re->groups);
    re->loops = ov_calloc(t->loops + 1, sizeof *re->loops);
    for (size_t i = 0; i < re->group_count; i++) re->groups[i] = group_number(re->code, OV_RE_GROUP, i + 1);
    for (size_t i = 0; i < t->loops; i++) {
        re->loops[i].entry = group_number(re->code, OV_RE_ENTRY, i + 1);
        re->loops[i].round = group_number(re->code, OV_RE_ROUND, i + 1);
    }
    if (t->loops) pcre2_set_callout(re->context, judge_round, re);
}

static ov_status compile_code(ov_regex *re, ov_str translated, ov_err *err)
{
    OV_CLEANUP(free_compile_context) pcre2_compile_context *c = or_abort(pcre2_compile_context_create(NULL));
    uint32_t options =
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_DUPNAMES | PCRE2_NEVER_BACKSLASH_C;
    int code;
    PCRE2_SIZE at;
    pcre2_set_newline(c, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(c, NEST_MAX);
    re->code = pcre2_compile((PCRE2_SPTR)translated.ptr, translated.len, options, &code, &at, c);
    if (!re->code) {
        PCRE2_UCHAR text[128] = {0};
        pcre2_get_error_message(code, text, sizeof text);
        return ov_fail(err, OV_INVALID, "%s", (const char *)text);
    }
    re->context = or_abort(pcre2_match_context_create(NULL));
    pcre2_set_heap_limit(re->context, OV_REGEX_HEAP_KIB);
    uint32_t found = 0;
    (void)pcre2_pattern_info(re->code, PCRE2_INFO_ALLOPTIONS, &found);
    re->anchored = found & PCRE2_ANCHORED;
    return OV_OK;
}

ov_status ov_regex_compile(ov_str pattern, ov_regex **ret, ov_err *err)
{
    if (pattern.len > OV_REGEX_PATTERN_MAX) {
        ov_status st = ov_fail(err, OV_INVALID, "%zu bytes: expected at most %d", pattern.len, OV_REGEX_PATTERN_MAX);
        return err ? fail_in_pattern(err, pattern) : st;
    }
    OV_CLEANUP(ov_regex_free_p) ov_regex *re = ov_zalloc(sizeof *re);
    OV_CLEANUP(ov_translation_clear) ov_translation t = {0};
    re->pattern = ov_dup(pattern);
    ov_status st = ov_regex_translate((ov_str){re->pattern, pattern.len}, &t, err);
    if (st == OV_OK) st = compile_code(re, t.pattern.len ? ov_buf_str(&t.pattern) : OV_STR(""), err);
    if (st != OV_OK) return err ? fail_in_pattern(err, pattern) : st;
    number_groups(re, &t);
    *ret = OV_TAKE(re);
    return OV_OK;
}

void ov_regex_free(ov_regex *re)
{
    if (!re) return;
    pcre2_code_free(re->code);
    pcre2_match_context_free(re->context);
    free(re->names);
    free(re->groups);
    free(re->loops);
    free(re->pattern);
    free(re);
}

void ov_regex_free_p(ov_regex **re)
{
    ov_regex_free(*re);
    *re = NULL;
}

static void free_match_data(pcre2_match_data **m)
{
    pcre2_match_data_free(*m);
}

static void free_match_context(pcre2_match_context **c)
{
    pcre2_match_context_free(*c);
}

/* The number of pairs that are set, 0 for no match, negative for what stopped the match. */
static int run_match(const ov_regex *re, ov_str content, pcre2_match_data *m, size_t *work)
{
    OV_CLEANUP(free_match_context) pcre2_match_context *c = or_abort(pcre2_match_context_copy(re->context));
    PCRE2_SPTR text = (PCRE2_SPTR)(content.ptr ? content.ptr : "");
    size_t steps = 0, places = re->anchored ? 1 : content.len + 1;
    int n = PCRE2_ERROR_MATCHLIMIT;
    for (size_t i = 0; i < OV_COUNT(limits) && is_allowed(limits[i], places); i++) {
        pcre2_set_match_limit(c, limits[i]);
        pcre2_set_depth_limit(c, limits[i]);
        steps += limits[i];
        n = pcre2_match(re->code, text, content.len, 0, 0, m, c);
        if (n != PCRE2_ERROR_MATCHLIMIT && n != PCRE2_ERROR_DEPTHLIMIT) break;
    }
    if (n > 0 && !re->anchored) places = pcre2_get_startchar(m) + 1; /* where it began none was tried behind */
    *work += steps * places;
    return n == PCRE2_ERROR_NOMATCH ? 0 : n;
}

static ov_status fail_match(const ov_regex *re, int code, ov_str content, ov_err *err)
{
    bool limit = code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT || code == PCRE2_ERROR_HEAPLIMIT;
    PCRE2_UCHAR text[64] = {0};
    if (!limit) pcre2_get_error_message(code, text, sizeof text);
    ov_str pattern = shown(ov_str_of(re->pattern)), value = shown(content);
    return ov_fail(err, OV_FAILED, "regex \"%.*s\": %s on \"%.*s\"", OV_STR_ARG(pattern),
                   limit ? "too much work" : (const char *)text, OV_STR_ARG(value));
}

ov_status ov_regex_expand(const ov_regex *re, ov_str tmpl, ov_str content, ov_buf *out, bool *ret_matched, ov_err *err)
{
    size_t work = 0;
    return ov_regex_expand_counted(re, tmpl, content, out, ret_matched, &work, err);
}

ov_status ov_regex_expand_counted(const ov_regex *re, ov_str tmpl, ov_str content, ov_buf *out, bool *ret_matched,
                                  size_t *work, ov_err *err)
{
    OV_CLEANUP(free_match_data)
    pcre2_match_data *m = or_abort(pcre2_match_data_create_from_pattern(re->code, NULL));
    int n = run_match(re, content, m, work);
    if (n < 0) return fail_match(re, n, content, err);
    if (n > 0) {
        ov_match match = {content, pcre2_get_ovector_pointer(m), (size_t)n, re->groups, re->names, re->group_count};
        if (!ov_template_expand(tmpl, &match, out)) {
            ov_str pattern = shown(ov_str_of(re->pattern));
            return ov_fail(err, OV_FAILED, "regex \"%.*s\": result of more than %d bytes", OV_STR_ARG(pattern),
                           OV_REGEX_RESULT_MAX);
        }
    }
    *ret_matched = n > 0;
    return OV_OK;
}
