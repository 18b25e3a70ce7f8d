/* Checks versions against "op version" terms joined by commas, with go-version's rules for prereleases. */
#include "version/constraint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

typedef enum { TERM_EQ, TERM_NE, TERM_GT, TERM_LT, TERM_GE, TERM_LE, TERM_PESSIMISTIC } term_op;

typedef struct {
    term_op op;
    ov_version *version;
} constraint_term;

struct ov_constraint {
    constraint_term *terms;
    size_t count, cap;
};

/* Longer operators stand before their beginnings; the empty one is last and always fits. */
static const struct {
    const char *text;
    term_op op;
} operators[] = {
    {"!=", TERM_NE}, {">=", TERM_GE}, {"<=", TERM_LE}, {"~>", TERM_PESSIMISTIC},
    {">", TERM_GT},  {"<", TERM_LT},  {"=", TERM_EQ},  {"", TERM_EQ},
};

/* What \s is in Go: not the vertical tab. */
static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static ov_str trim(ov_str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) s = ov_str_sub(s, 1, s.len);
    while (s.len > 0 && is_space(s.ptr[s.len - 1])) s.len--;
    return s;
}

static ov_str take_operator(ov_str text, term_op *ret_op)
{
    for (size_t i = 0; i < OV_COUNT(operators); i++) {
        ov_str op = ov_str_of(operators[i].text);
        if (!ov_str_starts(text, op)) continue;
        *ret_op = operators[i].op;
        return ov_str_sub(text, op.len, text.len);
    }
    return text;
}

static ov_status parse_term(ov_str text, constraint_term *ret, ov_err *err)
{
    term_op op = TERM_EQ;
    ov_err why = {0};
    ov_str version = trim(take_operator(trim(text), &op));
    if (ov_version_parse(version, &ret->version, &why) != OV_OK)
        return ov_fail(err, OV_INVALID, "malformed term \"%.*s\": expected =, !=, >, <, >=, <= or ~> and a version",
                       OV_STR_ARG(text));
    ret->op = op;
    return OV_OK;
}

static ov_status parse_terms(ov_constraint *c, ov_str text, ov_err *err)
{
    for (size_t from = 0; from <= text.len;) {
        size_t end = ov_str_find(text, ',', from);
        constraint_term term = {0};
        ov_status s = parse_term(ov_str_sub(text, from, end), &term, err);
        if (s != OV_OK) return s;
        ov_grow(&c->terms, &c->cap, c->count + 1, sizeof *c->terms);
        c->terms[c->count++] = term;
        from = end + 1;
    }
    return OV_OK;
}

ov_status ov_constraint_parse(ov_str text, ov_constraint **ret, ov_err *err)
{
    if (text.len > OV_CONSTRAINT_TEXT_MAX)
        return ov_fail(err, OV_INVALID, "constraint \"%.40s...\": longer than %d bytes", text.ptr,
                       OV_CONSTRAINT_TEXT_MAX);
    OV_CLEANUP(ov_constraint_free_p) ov_constraint *c = ov_zalloc(sizeof *c);
    ov_err why = {0};
    if (parse_terms(c, text, &why) != OV_OK)
        return ov_fail(err, OV_INVALID, "constraint \"%.*s\": %s", (int)(text.len < 80 ? text.len : 80),
                       text.ptr ? text.ptr : "", why.msg);
    *ret = OV_TAKE(c);
    return OV_OK;
}

void ov_constraint_free(ov_constraint *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->count; i++) ov_version_free(c->terms[i].version);
    free(c->terms);
    free(c);
}

void ov_constraint_free_p(ov_constraint **c)
{
    ov_constraint_free(*c);
}

/* A prerelease satisfies an ordering only if the constraint names a prerelease of the same segments. */
static bool prerelease_allowed(const ov_version *v, const ov_version *limit)
{
    if (v->pre.len == 0) return true;
    return limit->pre.len > 0 && v->segment_count == limit->segment_count && ov_version_compare_segments(v, limit) == 0;
}

/* "~> 1.2.3": at least that, and the same in all written segments but the last. One written segment fixes nothing. */
static bool check_pessimistic(const ov_version *v, const ov_version *limit)
{
    if (limit->pre.len > 0 && v->pre.len == 0) return false;
    if (limit->segment_count > v->segment_count || ov_version_compare(v, limit) < 0) return false;
    for (uint32_t i = 0; i + 1 < limit->written_count; i++)
        if (v->segments[i] != limit->segments[i]) return false;
    return true;
}

static bool check_term(const constraint_term *t, const ov_version *v)
{
    int order = ov_version_compare(v, t->version);
    if (t->op == TERM_EQ) return order == 0;
    if (t->op == TERM_NE) return order != 0;
    if (!prerelease_allowed(v, t->version)) return false;
    switch (t->op) {
    case TERM_GT:
        return order > 0;
    case TERM_LT:
        return order < 0;
    case TERM_GE:
        return order >= 0;
    case TERM_LE:
        return order <= 0;
    default:
        return check_pessimistic(v, t->version);
    }
}

bool ov_constraint_check(const ov_constraint *c, const ov_version *v)
{
    for (size_t i = 0; i < c->count; i++)
        if (!check_term(&c->terms[i], v)) return false;
    return true;
}

bool ov_constraint_hint(const ov_constraint *c, char out[OV_CONSTRAINT_HINT])
{
    for (size_t i = 0; i < c->count; i++) {
        const ov_version *v = c->terms[i].version;
        if (c->terms[i].op != TERM_PESSIMISTIC || v->written_count != 1 || v->pre.len) continue;
        snprintf(out, OV_CONSTRAINT_HINT, "~>%.*s excludes no higher major: write ~>%.*s.0", OV_STR_ARG(v->original),
                 OV_STR_ARG(v->original));
        return true;
    }
    return false;
}
