/* opvic-fetcher get: one look without a bus, for a person who wants to know what a fetcher would see
 * and what a tracker's rule would choose from it. */
#ifndef OPVIC_FETCHER_GET_H
#define OPVIC_FETCHER_GET_H

/* argv[0] is "get". The list goes to stdout (with a rule its candidates, ascending), what happened to stderr. Exit
 * status: 0 complete, 1 not even begun, 2 bad arguments, 3 complete, but the rule leaves no candidate, else 10 and the
 * number of the failure kind (lookup_failure: 11 notFound, 12 unauthorized, ...). */
int get_main(int argc, char **argv);

#endif
