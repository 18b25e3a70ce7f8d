/* A request's target: path normalised, split before it is decoded, and the query. */
#ifndef OV_HTTPD_PATH_H
#define OV_HTTPD_PATH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

enum { OV_HTTP_SEGMENTS = 16, OV_HTTP_QUERY_PAIRS = 32 };

typedef struct {
    ov_str name, value; /* decoded */
} ov_http_query_pair;

/* Memory is reused by the next parse. Views live until then. */
typedef struct {
    ov_buf bytes, query_bytes;
    ov_str path;                       /* as sent, without the query */
    ov_str query;                      /* as sent; ptr NULL when there is none */
    ov_str clean;                      /* "/a/b", still encoded, terminated behind len; "/" for the root */
    bool slash_behind;                 /* the path ended in a slash that is not the root */
    unsigned count;                    /* of segments; OV_HTTP_SEGMENTS + 1 when there are more */
    ov_str segments[OV_HTTP_SEGMENTS]; /* decoded */
    bool query_split;
    unsigned pair_count;
    ov_http_query_pair pairs[OV_HTTP_QUERY_PAIRS];
} ov_http_target;

void ov_http_target_init(ov_http_target *t);
void ov_http_target_clear(ov_http_target *t);
/* The target of a request line ("/a/b?c", "http://host/a/b"). 0, or the status that refuses it: 400 for a bad escape,
 * a byte that no path has or another form, 414 when too long. */
unsigned ov_http_target_parse(ov_http_target *t, ov_str uri);
/* The decoded value of the first pair of that name; ptr NULL when absent. Pairs beyond OV_HTTP_QUERY_PAIRS are not
 * seen. */
ov_str ov_http_target_query(ov_http_target *t, ov_str name);

#endif
