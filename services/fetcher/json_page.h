/* A page that is a JSON array of things with versions, read element by element as it arrives. */
#ifndef OPVIC_FETCHER_JSON_PAGE_H
#define OPVIC_FETCHER_JSON_PAGE_H

#include "services/fetcher/provider.h"

/* Gets each element but null, checked to be JSON; OV_INVALID ends the page. */
typedef ov_status (*json_page_item)(provider_page *page, version_list *to, ov_str element, ov_err *err);

/* Reads the page to its end. member: the array's name in an object; NULL: the page is the array. There must be one
 * wanted list, the one without a name, which is present then. Counts page->items, on_item counts page->named: items of
 * which none has a name are OV_INVALID, whatever they are. */
OV_MUST_CHECK ov_status json_page_read(provider_page *page, const char *member, json_page_item on_item,
                                       provider_read read, void *arg, ov_err *err);
/* The list without a name. OV_INVALID when the job wants others. */
OV_MUST_CHECK ov_status json_page_list(const provider_page *page, version_list **ret, ov_err *err);

#endif
