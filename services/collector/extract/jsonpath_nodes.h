/* What a compiled JSONPath expression is made of; shared by its parser and its evaluation. */
#ifndef OPVIC_COLLECTOR_JSONPATH_NODES_H
#define OPVIC_COLLECTOR_JSONPATH_NODES_H

#include "jsonpath.h"

typedef enum {
    NODE_FIELD,      /* text: the member's name */
    NODE_TEXT,       /* text */
    NODE_IDENTIFIER, /* text; none has a meaning here */
    NODE_INT,
    NODE_FLOAT,
    NODE_BOOL,
    NODE_SLICE,
    NODE_WILDCARD,
    NODE_RECURSIVE,
    NODE_UNION, /* lists: one per alternative */
    NODE_FILTER /* lists: left and right; right is empty for FILTER_EXISTS */
} jsonpath_node_type;

typedef enum {
    FILTER_EXISTS,
    FILTER_EQ,
    FILTER_NE,
    FILTER_LT,
    FILTER_LE,
    FILTER_GT,
    FILTER_GE,
    FILTER_UNKNOWN /* an error when it is reached, not before */
} jsonpath_filter_op;

/* [from:to:step]; a plain index is from and from + 1. */
typedef struct {
    int64_t from, to, step;
    bool has_from, has_to, has_step;
    bool to_derived; /* to is from + 1: 0 then means the end */
} jsonpath_slice;

typedef struct jsonpath_node jsonpath_node;
typedef struct {
    jsonpath_node *nodes;
    size_t count, cap;
} jsonpath_list;

struct jsonpath_node {
    jsonpath_node_type type;
    jsonpath_filter_op op;
    union {
        char *text; /* owned, terminated */
        int64_t i;
        double d;
        bool b;
        jsonpath_slice slice;
        struct {
            jsonpath_list *lists;
            size_t list_count, list_cap;
        };
    };
};

struct jsonpath {
    jsonpath_list root;
};

/* An unquoted copy of a quoted literal (quotes included in text), Go's escapes resolved; NULL when it is malformed. */
char *jsonpath_unquote(ov_str text);

/* Compares as Go's templates do: booleans, integers, floats and strings, each only with its own kind. OV_INVALID for
 * everything else, and for an operator that does not exist. */
OV_MUST_CHECK ov_status jsonpath_compare(const jsonpath_value *a, const jsonpath_value *b, jsonpath_filter_op op,
                                         bool *ret_holds, ov_err *err);

/* A JSON number as an integer, where it is one. */
bool jsonpath_whole_number(double d, int64_t *ret);

#endif
