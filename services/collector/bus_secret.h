/* opvic-collector bus-secret: makes a Secret's missing passwords once, for whoever installs Opvic in a cluster. */
#ifndef OPVIC_COLLECTOR_BUS_SECRET_H
#define OPVIC_COLLECTOR_BUS_SECRET_H

enum {
    BUS_SECRET_KEYS_MAX = 256,     /* in one Secret */
    BUS_SECRET_PASSWORD_CHARS = 48 /* 192 random bits, in letters alone: no configuration takes them for a number */
};

/* argv[0] is "bus-secret". A key that is there keeps its value, whoever wrote it. A release's Secret is marked to be
 * kept, so that it outlives the manifest that it may have come from; else without a key missing nothing is written.
 * Exit status: 0 all keys are there, 1 the API server was not reached or refused (trying again may help), 2 bad
 * arguments. */
int bus_secret_main(int argc, char **argv);

#endif
