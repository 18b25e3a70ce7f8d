/* The events that transports put into their owner's inbox. */
#include "services/collector/ship/transport.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

transport_event *transport_event_new(transport_event_kind kind)
{
    transport_event *e = ov_zalloc(sizeof *e);
    e->kind = kind;
    return e;
}

void transport_event_free(transport_event *e)
{
    if (!e) return;
    free(e->tracker);
    free(e->ask);
    free(e);
}

void transport_event_free_p(transport_event **e)
{
    transport_event_free(*e);
}

void transport_event_drop(void *event)
{
    transport_event_free(event);
}
