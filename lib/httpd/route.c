/* Finds the route of a path: segment by segment, in the table's order. */
#include "httpd/route.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

static bool is_param(ov_str segment)
{
    return segment.len > 0 && segment.ptr[0] == ':';
}

static ov_status take_apart(const ov_http_route *route, ov_http_route_entry *entry, ov_err *err)
{
    ov_str path = ov_str_of(route->path), segment;
    if (!ov_str_starts(path, OV_STR("/")) || !route->method || !route->handler)
        return ov_fail(err, OV_INVALID, "route %s: expected a method, a path from the root and a handler", path.ptr);
    ov_str rest = ov_str_sub(path, 1, path.len);
    unsigned params = 0;
    while (path.len > 1 && ov_str_split(&rest, '/', &segment)) {
        if (segment.len == 0 || entry->count == OV_HTTP_SEGMENTS || (is_param(segment) && ++params > OV_HTTP_PARAMS))
            return ov_fail(err, OV_INVALID, "route %s: expected at most %d segments and %d parameters", path.ptr,
                           OV_HTTP_SEGMENTS, OV_HTTP_PARAMS);
        entry->segments[entry->count++] = segment;
    }
    entry->route = route;
    return OV_OK;
}

ov_status ov_http_routes_make(const ov_http_route *routes, size_t count, ov_http_route_table *ret, ov_err *err)
{
    OV_CLEANUP(ov_http_routes_clear) ov_http_route_table t = {ov_calloc(count, sizeof *t.entries), count};
    for (size_t i = 0; i < count; i++) {
        ov_status status = take_apart(&routes[i], &t.entries[i], err);
        if (status != OV_OK) return status;
    }
    *ret = (ov_http_route_table){OV_TAKE(t.entries), count};
    return OV_OK;
}

void ov_http_routes_clear(ov_http_route_table *t)
{
    free(t->entries);
    *t = (ov_http_route_table){0};
}

static bool path_matches(const ov_http_route_entry *e, const ov_http_target *target)
{
    if (e->count != target->count) return false;
    for (unsigned i = 0; i < e->count; i++)
        if (!is_param(e->segments[i]) && !ov_str_eq(e->segments[i], target->segments[i])) return false;
    return true;
}

static bool method_matches(const ov_http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static void take_params(const ov_http_route_entry *e, const ov_http_target *target, ov_str params[OV_HTTP_PARAMS])
{
    unsigned found = 0;
    for (unsigned i = 0; i < e->count; i++)
        if (is_param(e->segments[i])) params[found++] = target->segments[i];
}

ov_http_route_entry *ov_http_routes_find(const ov_http_route_table *t, const char *method, const ov_http_target *target,
                                         ov_str params[OV_HTTP_PARAMS], ov_http_route_entry **ret_other)
{
    *ret_other = NULL;
    for (size_t i = 0; i < t->count; i++) {
        ov_http_route_entry *e = &t->entries[i];
        if (!path_matches(e, target)) continue;
        if (method_matches(e->route, method)) {
            take_params(e, target, params);
            return e;
        }
        if (!*ret_other) *ret_other = e;
    }
    return NULL;
}

void ov_http_routes_allowed(const ov_http_route_table *t, const ov_http_target *target, ov_buf *out)
{
    for (size_t i = 0; i < t->count; i++) {
        const ov_http_route_entry *e = &t->entries[i];
        if (!path_matches(e, target)) continue;
        if (out->len) ov_buf_append_c(out, ", ");
        ov_buf_append_c(out, e->route->method);
        if (strcmp(e->route->method, "GET") == 0) ov_buf_append_c(out, ", HEAD");
    }
}
