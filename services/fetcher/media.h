/* Whether what an upstream sends can be a list at all, before anybody reads it as one. */
#ifndef OPVIC_FETCHER_MEDIA_H
#define OPVIC_FETCHER_MEDIA_H

#include "services/fetcher/provider.h"

/* What is said to be something else is no list of p; where nothing is said, the content tells. */
bool media_fits(const provider *p, const char *content_type);

/* No list begins as HTML and XML do, whatever the Content-Type says. Zero is the state before the first byte. */
typedef struct {
    bool begun, markup;
} media_sniffer;
/* Takes the next bytes; true once the first that is no space says markup. */
bool media_is_markup(media_sniffer *s, ov_str piece);

#endif
