/* Kubernetes' label selectors: which objects a tracker means, and the same as the API's labelSelector parameter.
 * Rules: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ */
#ifndef OPVIC_COLLECTOR_SELECTOR_H
#define OPVIC_COLLECTOR_SELECTOR_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/status.h"
#include "json/tree.h"

enum {
    SELECTOR_REQUIREMENTS_MAX = 256,
    SELECTOR_VALUES_MAX = 1024 /* of one requirement */
};

typedef struct selector selector; /* immutable */

/* json is {matchLabels{}, matchExpressions[]}; NULL or null selects nothing, {} everything. The caller frees; nothing
 * of json is kept. OV_INVALID: "matchExpressions[0].operator: \"in\": expected In, NotIn, Exists or DoesNotExist". */
OV_MUST_CHECK ov_status selector_parse(const cJSON *json, selector **ret, ov_err *err);
void selector_free(selector *s);
void selector_free_p(selector **s);

/* labels: the object's metadata.labels; NULL for none. */
bool selector_matches(const selector *s, const cJSON *labels);
bool selector_is_nothing(const selector *s);
/* "app=web,env in (a,b),!gone", sorted by key; empty for everything and for nothing. */
void selector_write(const selector *s, ov_buf *out);

#endif
