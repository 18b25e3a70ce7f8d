/* Spreads those who must wait for one host: each is told a later time than the one before, at the rate that the host
 * takes, so that they do not come back as a herd. Pure. */
#ifndef OPVIC_FETCHER_SPREAD_H
#define OPVIC_FETCHER_SPREAD_H

#include <stdint.h>

enum { SPREAD_MAX_S = 12 * 3600 }; /* behind the earliest time; who would wait longer is put anywhere before it */

typedef struct {
    int64_t next_ms; /* whom the next one may follow */
} spread;

/* The Unix second for one more, not before earliest_s; gap_ms to the next. random: any 64 random bits. */
int64_t spread_next_s(spread *s, int64_t earliest_s, int64_t gap_ms, uint64_t random);

#endif
