/* JSONPath as kubectl takes it for custom columns ("relaxed"), compiled once and run on many objects.
 * Rules: https://kubernetes.io/docs/reference/kubectl/jsonpath/; one expression, no text around it, no range. */
#ifndef OPVIC_COLLECTOR_JSONPATH_H
#define OPVIC_COLLECTOR_JSONPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "json/tree.h"

enum {
    JSONPATH_TEXT_MAX = 4096,    /* bytes of an expression */
    JSONPATH_NESTING_MAX = 16,   /* expressions within filters and unions */
    JSONPATH_VALUES_MAX = 200000 /* values that one run may touch, whatever the expression */
};

/* Immutable after compilation. */
typedef struct jsonpath jsonpath;

typedef enum { JSONPATH_JSON, JSONPATH_TEXT, JSONPATH_INT, JSONPATH_FLOAT, JSONPATH_BOOL } jsonpath_type;

/* A place in the object, or a literal of the expression. */
typedef struct {
    jsonpath_type type;
    union {
        const cJSON *json;
        ov_str text;
        int64_t i;
        double d;
        bool b;
    };
} jsonpath_value;

/* Zero is empty; jsonpath_values_clear frees. */
typedef struct {
    jsonpath_value *items;
    size_t count, cap;
} jsonpath_values;

/* The caller frees. The empty expression finds nothing. OV_INVALID: "jsonpath \"...\": unterminated array". */
OV_MUST_CHECK ov_status jsonpath_compile(ov_str text, jsonpath **ret, ov_err *err);
void jsonpath_free(jsonpath *p);
void jsonpath_free_p(jsonpath **p);

/* What the expression finds, in the object's order; views into object and p. *ret must be empty and is filled only on
 * success. OV_NOT_FOUND: "X is not found", "array index out of bounds: index 9, length 3"; OV_INVALID: a step does not
 * fit what it meets ("string is not an array", "incompatible types for comparison"); OV_FAILED: too many values. */
OV_MUST_CHECK ov_status jsonpath_find(const jsonpath *p, const cJSON *object, jsonpath_values *ret, ov_err *err);
void jsonpath_values_clear(jsonpath_values *v);

bool jsonpath_value_is_null(const jsonpath_value *v);
/* Scalars as text (integers as integers), objects and arrays as Go writes JSON: keys sorted, < > & escaped. */
void jsonpath_value_write(const jsonpath_value *v, ov_buf *out);

#endif
