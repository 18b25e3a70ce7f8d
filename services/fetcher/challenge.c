/* Walks a list of challenges, each a scheme with parameters, in which a comma may end either. */
#include "services/fetcher/challenge.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/poison.h"

typedef struct {
    ov_str text;
    size_t at;
} scan;

static bool is_token_char(char c)
{
    bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return alphanumeric || (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_at(const scan *s, char c)
{
    return s->at < s->text.len && s->text.ptr[s->at] == c;
}

static void skip_space(scan *s)
{
    while (is_at(s, ' ') || is_at(s, '\t')) s->at++;
}

static ov_str take_token(scan *s)
{
    size_t began = s->at;
    while (s->at < s->text.len && is_token_char(s->text.ptr[s->at])) s->at++;
    return ov_str_sub(s->text, began, s->at);
}

/* A value and whether it fits its place; the rest of one that does not is passed over. */
typedef struct {
    char text[CHALLENGE_VALUE_BYTES];
    size_t len;
    bool bad;
} value;

static void value_add(value *v, char c)
{
    if (v->len + 1 >= sizeof v->text || c < ' ' || c > '~')
        v->bad = true;
    else
        v->text[v->len++] = c;
    v->text[v->len] = '\0';
}

static void take_quoted(scan *s, value *v)
{
    s->at++;
    while (s->at < s->text.len && !is_at(s, '"')) {
        if (is_at(s, '\\') && s->at + 1 < s->text.len) s->at++;
        value_add(v, s->text.ptr[s->at++]);
    }
    if (is_at(s, '"'))
        s->at++;
    else
        v->bad = true;
}

static void take_value(scan *s, value *v)
{
    v->len = 0;
    v->text[0] = '\0';
    v->bad = false;
    skip_space(s);
    if (is_at(s, '"')) {
        take_quoted(s, v);
        return;
    }
    /* A URL without quotes is none of the grammar, but it is written. */
    while (s->at < s->text.len && !is_at(s, ',') && !is_at(s, ' ') && !is_at(s, '\t'))
        value_add(v, s->text.ptr[s->at++]);
}

/* The challenge that is being read; of several the first usable Bearer is kept. */
typedef struct {
    bool bearer, bad;
    challenge c;
} reading;

static void finish(reading *r, challenge *kept)
{
    bool usable = r->bearer && !r->bad && r->c.realm[0] && !strchr(r->c.realm, ' ');
    if (usable && !kept->bearer) {
        bool basic = kept->basic;
        *kept = r->c;
        kept->basic = basic;
        kept->bearer = true;
    }
    *r = (reading){0};
}

static void put(char *place, size_t size, const value *v, bool *bad)
{
    if (v->bad || place[0] || v->len >= size)
        *bad = true;
    else
        memcpy(place, v->text, v->len + 1);
}

static void set(reading *r, ov_str name, const value *v)
{
    if (ov_str_eq_ignore_case(name, OV_STR("realm"))) put(r->c.realm, sizeof r->c.realm, v, &r->bad);
    if (ov_str_eq_ignore_case(name, OV_STR("service"))) put(r->c.service, sizeof r->c.service, v, &r->bad);
    if (ov_str_eq_ignore_case(name, OV_STR("scope"))) put(r->c.scope, sizeof r->c.scope, v, &r->bad);
}

bool challenge_parse(ov_str header, challenge *ret)
{
    *ret = (challenge){0};
    scan s = {header, 0};
    OV_CLEANUP(ov_free_p) reading *r = ov_zalloc(sizeof *r);
    OV_CLEANUP(ov_free_p) value *v = ov_zalloc(sizeof *v);
    bool between = true; /* a scheme may begin here: what follows a scheme without a comma is its token68 */
    while (s.at < s.text.len) {
        skip_space(&s);
        ov_str token = take_token(&s);
        skip_space(&s);
        if (token.len && is_at(&s, '=')) {
            s.at++;
            take_value(&s, v);
            set(r, token, v);
            between = false;
        } else if (token.len && between) {
            finish(r, ret);
            r->bearer = ov_str_eq_ignore_case(token, OV_STR("Bearer"));
            ret->basic = ret->basic || ov_str_eq_ignore_case(token, OV_STR("Basic"));
            between = false;
        } else if (!token.len && s.at < s.text.len) {
            between = between || is_at(&s, ',');
            s.at++;
        }
    }
    finish(r, ret);
    return ret->basic || ret->bearer;
}
