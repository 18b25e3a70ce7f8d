/* Reads and writes what is known of a running version's end of life. */
#include "proto/end_of_life.h"

#include <stdio.h>

#include "base/clock.h"
#include "proto/members.h"

#include "base/poison.h"

typedef struct {
    end_of_life e;
    ov_str date;
} end_of_life_wire;

static const ov_field end_of_life_fields[] = {
    {MEMBER_PRODUCT, OV_FIELD_STRING, true, offsetof(end_of_life_wire, e.product)},
    {MEMBER_CYCLE, OV_FIELD_STRING, false, offsetof(end_of_life_wire, e.cycle)},
    {MEMBER_DATE, OV_FIELD_STRING, false, offsetof(end_of_life_wire, date)},
    {MEMBER_REACHED, OV_FIELD_BOOL, false, offsetof(end_of_life_wire, e.reached)},
    {MEMBER_REASON, OV_FIELD_STRING, false, offsetof(end_of_life_wire, e.reason)},
};

static void end_of_life_wire_clear(end_of_life_wire *w)
{
    end_of_life_clear(&w->e);
}

static ov_status date_decode(ov_str date, int64_t *ret_s, ov_err *err)
{
    char midnight[OV_WALL_TEXT];
    ov_wall at;
    if (!date.len) return OV_OK;
    snprintf(midnight, sizeof midnight, "%.*sT00:00:00Z", OV_STR_ARG(ov_str_sub(date, 0, END_OF_LIFE_DATE)));
    if (date.len != END_OF_LIFE_DATE || ov_wall_parse(ov_str_of(midnight), &at, NULL) != OV_OK || at.ms < 0) {
        ov_str shown = ov_str_sub(date, 0, 40);
        return ov_fail(err, OV_INVALID,
                       MEMBER_END_OF_LIFE "." MEMBER_DATE ": \"%.*s\": expected a date such as 2026-10-28",
                       OV_STR_ARG(shown));
    }
    *ret_s = at.ms / 1000;
    return OV_OK;
}

ov_status end_of_life_decode(ov_str raw, end_of_life *ret, ov_err *err)
{
    OV_CLEANUP(end_of_life_wire_clear) end_of_life_wire w = {0};
    ov_status st = ov_json_fields_of(raw, end_of_life_fields, OV_COUNT(end_of_life_fields), &w, &w.e.arena,
                                     MEMBER_END_OF_LIFE, err);
    if (st == OV_OK) st = date_decode(w.date, &w.e.date_s, err);
    if (st != OV_OK) return st;
    *ret = w.e;
    w.e = (end_of_life){0};
    return OV_OK;
}

void end_of_life_clear(end_of_life *e)
{
    ov_json_arena_clear(&e->arena);
    *e = (end_of_life){0};
}

void end_of_life_encode(const end_of_life *e, ov_buf *out)
{
    char date[END_OF_LIFE_DATE + 1] = "";
    if (e->date_s) end_of_life_date(e->date_s, date);
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_str(&w, MEMBER_PRODUCT, e->product);
    if (e->cycle.len) {
        ov_json_write_str(&w, MEMBER_CYCLE, e->cycle);
        member_write_str(&w, MEMBER_DATE, ov_str_of(date));
        ov_json_write_bool(&w, MEMBER_REACHED, e->reached);
    }
    member_write_str(&w, MEMBER_REASON, e->reason);
    ov_json_close_object(&w);
}

void end_of_life_date(int64_t s, char out[END_OF_LIFE_DATE + 1])
{
    char text[OV_WALL_TEXT];
    ov_wall_format((ov_wall){s * 1000}, text);
    memcpy(out, text, END_OF_LIFE_DATE);
    out[END_OF_LIFE_DATE] = '\0';
}
