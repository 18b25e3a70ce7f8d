/* Reads netrc files token by token, and line by line inside macros. */
#include "services/fetcher/credentials_netrc.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/poison.h"

enum { SHOWN_MAX = 100 };

typedef struct {
    ov_str text;
    size_t at;
    unsigned line;
    ov_buf token;
    bool quoted, behind_comment; /* of the token */
} netrc_reader;

/* The entry that is being read. */
typedef struct {
    bool open, is_default;
    char shown[SHOWN_MAX + 16]; /* `machine "name": ` */
    credential_origin origin;
    bool has_login, has_password;
    ov_buf login, password;
} netrc_entry;

typedef struct {
    netrc_reader r;
    netrc_entry e;
    credential_list *out;
} netrc_parser;

static ov_status fail_line(const netrc_parser *p, const char *what, ov_err *err)
{
    return ov_fail(err, OV_INVALID, "line %u: %s%s", p->r.line, p->e.open ? p->e.shown : "", what);
}

/* ---- tokens ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static void skip_line(netrc_reader *r)
{
    r->at = ov_str_find(r->text, '\n', r->at);
}

static void skip_space(netrc_reader *r)
{
    r->behind_comment = false;
    for (; r->at < r->text.len; r->at++) {
        char c = r->text.ptr[r->at];
        if (c == '#') {
            r->behind_comment = true;
            skip_line(r);
            if (r->at >= r->text.len) return;
            c = '\n';
        }
        if (!is_space(c)) return;
        if (c == '\n') r->line++;
    }
}

/* From behind the opening quote to behind the closing one; false when it does not close on its line. */
static bool read_quoted(netrc_reader *r)
{
    for (r->at++; r->at < r->text.len; r->at++) {
        char c = r->text.ptr[r->at];
        if (c == '"') {
            r->at++;
            return true;
        }
        if (c == '\\' && r->at + 1 < r->text.len) {
            c = r->text.ptr[++r->at];
            if (c == '\n') return false;
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
        } else if (c == '\n') {
            return false;
        }
        ov_buf_append_char(&r->token, c);
    }
    return false;
}

/* *ret_more false: there is none left. */
static ov_status next_token(netrc_parser *p, bool *ret_more, ov_err *err)
{
    netrc_reader *r = &p->r;
    ov_buf_reset(&r->token);
    skip_space(r);
    *ret_more = r->at < r->text.len;
    if (!*ret_more) return OV_OK;
    r->quoted = r->text.ptr[r->at] == '"';
    if (r->quoted && !read_quoted(r)) return fail_line(p, "expected a closing quote on the same line", err);
    if (r->quoted && r->at < r->text.len && !is_space(r->text.ptr[r->at]))
        return fail_line(p, "expected a space behind a closing quote", err);
    while (r->at < r->text.len && !is_space(r->text.ptr[r->at])) ov_buf_append_char(&r->token, r->text.ptr[r->at++]);
    return r->token.failed ? fail_line(p, "longer than 4096 bytes", err) : OV_OK;
}

/* The token behind a keyword. */
static ov_status next_value(netrc_parser *p, const char *missing, ov_err *err)
{
    bool more;
    ov_status status = next_token(p, &more, err);
    if (status != OV_OK) return status;
    if (more && p->r.behind_comment)
        return fail_line(p, "a \"#\" begins a comment: quote a value that begins with one", err);
    return more ? OV_OK : fail_line(p, missing, err);
}

/* ---- entries ---- */

static ov_status finish_entry(netrc_parser *p, ov_err *err)
{
    netrc_entry *e = &p->e;
    ov_str login = ov_buf_str(&e->login), password = ov_buf_str(&e->password);
    char id[CREDENTIAL_ID];
    if (!e->open) return OV_OK;
    const char *problem = credential_login_problem(login, password);
    if (problem) return fail_line(p, problem, err);
    e->open = false;
    if (e->is_default) p->out->default_ignored = true;
    if (e->is_default || (!e->has_login && !e->has_password)) return OV_OK;
    credential_id_make("basic", &e->origin, login, OV_STR(""), id);
    return credential_list_add(p->out, credential_entry_basic(&e->origin, id, login, password), err);
}

static ov_status begin_entry(netrc_parser *p, ov_err *err)
{
    ov_status status = finish_entry(p, err);
    netrc_entry *e = &p->e;
    ov_buf_reset(&e->login);
    ov_buf_reset(&e->password);
    e->is_default = e->has_login = e->has_password = false;
    return status;
}

static ov_status read_machine(netrc_parser *p, ov_err *err)
{
    ov_str path, name;
    ov_err why = {0};
    ov_status status = begin_entry(p, err);
    if (status == OV_OK) status = next_value(p, "machine: expected a name", err);
    if (status != OV_OK) return status;
    name = ov_buf_str(&p->r.token);
    if (credential_origin_parse(name, &p->e.origin, &path, &why) != OV_OK || path.len)
        return fail_line(p, "machine: expected a host, host:port, or http://host:port", err);
    snprintf(p->e.shown, sizeof p->e.shown, "machine \"%.*s\": ", OV_STR_ARG(ov_str_sub(name, 0, SHOWN_MAX)));
    p->e.open = true;
    return OV_OK;
}

static ov_status read_default(netrc_parser *p, ov_err *err)
{
    ov_status status = begin_entry(p, err);
    if (status != OV_OK) return status;
    snprintf(p->e.shown, sizeof p->e.shown, "default: ");
    p->e.open = p->e.is_default = true;
    return OV_OK;
}

static ov_status read_into(netrc_parser *p, bool *has, ov_buf *to, const char *name, ov_err *err)
{
    char text[64];
    snprintf(text, sizeof text, "%s: %s", name, *has ? "given twice" : "expected a value");
    if (!p->e.open) return fail_line(p, "expected machine or default before login, password and account", err);
    if (*has) return fail_line(p, text, err);
    ov_status status = next_value(p, text, err);
    if (status != OV_OK) return status;
    *has = true;
    ov_buf_append_str(to, ov_buf_str(&p->r.token));
    return OV_OK;
}

static ov_status read_login(netrc_parser *p, ov_err *err)
{
    return read_into(p, &p->e.has_login, &p->e.login, "login", err);
}

static ov_status read_password(netrc_parser *p, ov_err *err)
{
    return read_into(p, &p->e.has_password, &p->e.password, "password", err);
}

/* For FTP; HTTP has no place for it. */
static ov_status read_account(netrc_parser *p, ov_err *err)
{
    bool has = false;
    ov_buf nowhere = OV_BUF(0);
    return read_into(p, &has, &nowhere, "account", err);
}

/* To behind the next empty line. */
static ov_status read_macro(netrc_parser *p, ov_err *err)
{
    netrc_reader *r = &p->r;
    ov_status status = next_value(p, "macdef: expected a name", err);
    if (status != OV_OK) return status;
    for (skip_line(r); r->at < r->text.len; skip_line(r)) {
        r->at++;
        r->line++;
        ov_str line = ov_str_sub(r->text, r->at, ov_str_find(r->text, '\n', r->at));
        if (line.len == 0 || ov_str_eq(line, OV_STR("\r"))) break;
    }
    return OV_OK;
}

static ov_status read_keyword(netrc_parser *p, ov_err *err)
{
    static const struct {
        const char *name;
        ov_status (*read)(netrc_parser *p, ov_err *err);
    } keywords[] = {{"machine", read_machine},   {"default", read_default}, {"login", read_login},
                    {"password", read_password}, {"account", read_account}, {"macdef", read_macro}};
    for (size_t i = 0; !p->r.quoted && i < OV_COUNT(keywords); i++)
        if (ov_str_eq_ignore_case(ov_buf_str(&p->r.token), ov_str_of(keywords[i].name)))
            return keywords[i].read(p, err);
    return fail_line(
        p,
        "expected machine, default, login, password, account or macdef (a value with spaces in it is to be "
        "quoted)",
        err);
}

ov_status netrc_parse(ov_str text, credential_list *out, ov_err *err)
{
    netrc_parser p = {
        .r = {.text = text, .line = 1, .token = ov_secret_buf(CREDENTIAL_TEXT_MAX)},
        .e = {.login = ov_secret_buf(CREDENTIAL_TEXT_MAX), .password = ov_secret_buf(CREDENTIAL_TEXT_MAX)},
        .out = out};
    bool more = true;
    ov_status status = OV_OK;
    if (text.len && memchr(text.ptr, '\0', text.len)) {
        status = ov_fail(err, OV_INVALID, "expected text");
        more = false;
    }
    while (more && status == OV_OK) {
        status = next_token(&p, &more, err);
        if (status == OV_OK && more) status = read_keyword(&p, err);
    }
    if (status == OV_OK) status = finish_entry(&p, err);
    ov_secret_buf_clear(&p.r.token);
    ov_secret_buf_clear(&p.e.login);
    ov_secret_buf_clear(&p.e.password);
    return status;
}
