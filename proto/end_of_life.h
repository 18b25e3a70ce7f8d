/* End of life: whether the release line (cycle) of a running version is at its end; stands verbatim in entries and in
 * gaps. */
#ifndef OPVIC_PROTO_END_OF_LIFE_H
#define OPVIC_PROTO_END_OF_LIFE_H

#include "base/buf.h"
#include "json/fields.h"

#define END_OF_LIFE_S_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* {"product","cycle","date"?:"2026-10-28","reached":bool}, or where that is not known {"product","reason"}. */
typedef struct {
    ov_str product;
    ov_str cycle;   /* empty: not known, reason says why */
    int64_t date_s; /* the day's begin in UTC, Unix seconds; 0: no date is known */
    bool reached;   /* only with a cycle */
    ov_str reason;
    ov_json_arena arena;
} end_of_life;
/* Views into raw or the arena. OV_INVALID: "endOfLife.date: \"x\": expected a date such as 2026-10-28". */
OV_MUST_CHECK ov_status end_of_life_decode(ov_str raw, end_of_life *ret, ov_err *err);
void end_of_life_clear(end_of_life *e);
void end_of_life_encode(const end_of_life *e, ov_buf *out);

/* "2026-10-28" in UTC, of seconds from 0 to END_OF_LIFE_S_MAX. */
enum { END_OF_LIFE_DATE = 10 };
void end_of_life_date(int64_t s, char out[END_OF_LIFE_DATE + 1]);

#endif
