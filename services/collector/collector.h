/* The four steps of the collector's life, as the app calls them. */
#ifndef OPVIC_COLLECTOR_COLLECTOR_H
#define OPVIC_COLLECTOR_COLLECTOR_H

#include "app/app.h"

enum {
    COLLECTOR_ONCE_MS = 60000,    /* with once: until everything must be delivered */
    COLLECTOR_PATIENCE_MS = 3000, /* and as long as the cluster cannot be read */
    COLLECTOR_DRAIN_MS =
        6000 /* until what is in flight must be answered; above the transports' own limits on the bus */
};

/* target is the collector_settings. See ov_app_program for each. */
OV_MUST_CHECK ov_status collector_start(ov_app *app, void *target, void **ret_service, ov_err *err);
OV_MUST_CHECK ov_status collector_loop(ov_app *app, void *service, ov_err *err);
void collector_drain(ov_app *app, void *service);
void collector_free(void *service);

#endif
