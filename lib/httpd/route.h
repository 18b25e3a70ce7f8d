/* The table of routes, taken apart once, and the search in it. */
#ifndef OV_HTTPD_ROUTE_H
#define OV_HTTPD_ROUTE_H

#include "httpd/httpd.h"
#include "httpd/path.h"

typedef struct {
    const ov_http_route *route;
    unsigned count;
    ov_str segments[OV_HTTP_SEGMENTS]; /* views of route->path */
    /* For concurrent_max, see turn.h; guarded by the server's lock. */
    struct ov_http_connection *readers;
    unsigned under_way;
} ov_http_route_entry;

typedef struct {
    ov_http_route_entry *entries;
    size_t count;
} ov_http_route_table;

/* OV_INVALID names the route that is not one. */
OV_MUST_CHECK ov_status ov_http_routes_make(const ov_http_route *routes, size_t count, ov_http_route_table *ret,
                                            ov_err *err);
void ov_http_routes_clear(ov_http_route_table *t);

/* The first route that matches path and method, its parameters in params; NULL: *ret_other is the first that matches
 * the path alone, or NULL. */
ov_http_route_entry *ov_http_routes_find(const ov_http_route_table *t, const char *method, const ov_http_target *target,
                                         ov_str params[OV_HTTP_PARAMS], ov_http_route_entry **ret_other);
/* "GET, HEAD, POST": what the routes of that path take. */
void ov_http_routes_allowed(const ov_http_route_table *t, const ov_http_target *target, ov_buf *out);

#endif
