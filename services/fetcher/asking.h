/* How the requests of one look are made: its limits, and what each host is shown of us. */
#ifndef OPVIC_FETCHER_ASKING_H
#define OPVIC_FETCHER_ASKING_H

#include "base/clock.h"
#include "services/fetcher/look.h"

enum { ASKING_URL_BYTES = 2048 };

typedef struct {
    const look_options *o;
    ov_mono deadline;
    uint64_t body_bytes; /* read so far */
    /* What a challenge brought, for the origin of granted_url alone: a token, or with NULL the credential itself. */
    char granted_url[ASKING_URL_BYTES]; /* empty: nothing yet */
    ov_secret *token;
} asking;
void asking_clear(asking *a);

/* Takes the token over. */
void asking_grant(asking *a, const char *url, ov_secret *token);
/* What the operator gave for the URL's origin. OV_NOT_FOUND: nothing. OV_FAILED: there should be something, *ret_why
 * says why it could not be had; asking without it would be another question. */
OV_MUST_CHECK ov_status asking_credential(const asking *a, const char *url, provider_credential *ret,
                                          const credential_failure **ret_why);

/* A request with the memory that it points to. */
typedef struct {
    ov_fetch_request q;
    char etag[OV_FETCH_VALUE_MAX], modified[OV_FETCH_VALUE_MAX];
} asking_request;
/* The request for a page of p. etag or modified (one of them, or neither) make it conditional. url lives on. OV_FAILED:
 * as asking_credential. */
OV_MUST_CHECK ov_status asking_page(const asking *a, const provider *p, const char *url, unsigned number, ov_str etag,
                                    ov_str modified, asking_request *ret, const credential_failure **ret_why);
/* A request beside the pages because of what refused_url answered, as provider_challenge.ask says. OV_FAILED: as
 * asking_credential. */
OV_MUST_CHECK ov_status asking_aside(const asking *a, const char *refused_url, const char *url, ov_str form,
                                     ov_fetch_request *ret, const credential_failure **ret_why);

#endif
