/* One credential and the origin that it is for, and lists of them. Nothing here reads files or asks anybody. */
#ifndef OPVIC_FETCHER_CREDENTIALS_ENTRY_H
#define OPVIC_FETCHER_CREDENTIALS_ENTRY_H

#include "crypto/secret.h"
#include "fetch/url.h"

enum {
    CREDENTIAL_ID = 13,         /* twelve hexadecimal digits and the terminator */
    CREDENTIAL_TEXT_MAX = 4096, /* bytes of a login, a password or a token */
    CREDENTIAL_ENTRIES_MAX = 4096
};

/* Whom a credential may be sent to. */
typedef struct {
    bool https, any_port;
    char host[256]; /* as ov_url_split gives it */
    char port[8];
} credential_origin;

/* "host", "host:port" (https), or with http:// or https:// before it; any_port is set when neither scheme nor port
 * stand there. *ret_path is what follows, from its "/" on. OV_INVALID: the bare reason, which shows nothing of text. */
OV_MUST_CHECK ov_status credential_origin_parse(ov_str text, credential_origin *ret, ov_str *ret_path, ov_err *err);

/* What is sent: of the first four all but one are NULL. Counted, and never changed once it is in a list. */
typedef struct {
    unsigned holders; /* touched atomically */
    credential_origin origin;
    ov_secret *bearer;
    ov_secret *authorization; /* the whole value of the header */
    ov_secret *value;         /* of the header named below */
    ov_secret *identity_token;
    const char *header; /* static */
    char id[CREDENTIAL_ID];
} credential_entry;

/* Zeroed but for origin and id; one holder. */
credential_entry *credential_entry_new(const credential_origin *origin, const char *id);
/* Authorization: Basic (RFC 7617). */
credential_entry *credential_entry_basic(const credential_origin *origin, const char *id, ov_str login,
                                         ov_str password);
credential_entry *credential_entry_hold(credential_entry *e);
void credential_entry_let_go(credential_entry *e); /* the last one frees; NULL is fine */
void credential_entry_let_go_p(credential_entry **e);

/* A short hash that is the same in every fetcher and after a restart. Give what tells one account from another: a login
 * rather than a password that can be guessed, a token where there is nothing else. */
void credential_id_make(const char *kind, const credential_origin *origin, ov_str account, ov_str more,
                        char out[CREDENTIAL_ID]);

/* NULL, or what is wrong with them ("login: expected no \":\" and no control characters"). */
const char *credential_login_problem(ov_str login, ov_str password);
/* Printable ASCII without spaces, not empty, not longer than CREDENTIAL_TEXT_MAX. */
bool credential_is_token(ov_str text);

typedef struct {
    credential_entry **items;
    size_t count, cap;
    bool default_ignored; /* a netrc's entry for every machine */
} credential_list;
/* Takes e. OV_INVALID: there are CREDENTIAL_ENTRIES_MAX, and e is freed. */
OV_MUST_CHECK ov_status credential_list_add(credential_list *l, credential_entry *e, ov_err *err);
void credential_list_clear(credential_list *l);
/* The first whose origin is the URL's, not held; or NULL. */
credential_entry *credential_list_find(const credential_list *l, const ov_url_parts *url);
bool credential_origin_is(const credential_origin *o, const ov_url_parts *url);

#endif
