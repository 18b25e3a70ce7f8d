/* Routes: which request is answered by what; the only place where answers meet HTTP. */
#ifndef OPVIC_API_ROUTES_H
#define OPVIC_API_ROUTES_H

#include "bus/bus.h"
#include "httpd/httpd.h"
#include "metrics/metrics.h"
#include "services/api/feed.h"

/* What handlers need; outlives the server. */
typedef struct {
    ov_bus *bus;
    view_holder *views;
    const feed *feed;
    ov_metrics *metrics;
    ov_metric *requests;
    bool log_requests;
} routes_context;

extern const ov_http_route api_routes[];
extern const size_t api_route_count;

/* Makes the request counter. */
ov_metric *routes_requests_metric(ov_metrics *metrics);
/* Hooks of the server: counts and logs a request; tells the age of what is known. */
void routes_on_done(void *ctx, const char *method, const char *path, unsigned status, uint64_t micros);
void routes_decorate(void *ctx, ov_http_answer *a);

#endif
