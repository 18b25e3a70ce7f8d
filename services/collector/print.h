/* The reports on standard output, for people and scripts that want to see them before they are delivered. */
#ifndef OPVIC_COLLECTOR_PRINT_H
#define OPVIC_COLLECTOR_PRINT_H

#include <stdio.h>

#include "services/collector/tracking.h"

/* Each report as one line of JSON to out, in byte order of their trackers' ids; the message of each that has a
 * condition to problems. OV_FAILED when out cannot be written. */
OV_MUST_CHECK ov_status print_reports(tracking *t, FILE *out, FILE *problems, ov_err *err);

#endif
