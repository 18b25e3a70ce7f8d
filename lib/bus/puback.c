/* What a stream answers to a publish: {"stream", "seq", "duplicate"} or {"error"}. */
#include "bus/internal.h"
#include "json/fields.h"

#include "base/poison.h"

/* Error numbers of the server (server/errors.json of nats-server). */
enum {
    WRONG_LAST_SEQUENCE = 10071,
    WRONG_LAST_SEQUENCE_CONSTANT = 10164,
    MESSAGE_EXCEEDS_MAXIMUM = 10054,
    STORE_FAILED = 10077, /* with the store's own words */
    INSUFFICIENT_RESOURCES = 10023,
    STORAGE_RESOURCES_EXCEEDED = 10047,
    CODE_UNAVAILABLE = 500 /* and above: not now */
};

typedef struct {
    int64_t seq;
    bool duplicate;
    ov_str error;
} puback;

typedef struct {
    int64_t code, number;
    ov_str description;
} api_error;

static const ov_field puback_fields[] = {
    {"seq", OV_FIELD_I64, false, offsetof(puback, seq)},
    {"duplicate", OV_FIELD_BOOL, false, offsetof(puback, duplicate)},
    {"error", OV_FIELD_OBJECT, false, offsetof(puback, error)},
};

static const ov_field error_fields[] = {
    {"code", OV_FIELD_I64, false, offsetof(api_error, code)},
    {"err_code", OV_FIELD_I64, false, offsetof(api_error, number)},
    {"description", OV_FIELD_STRING, false, offsetof(api_error, description)},
};

/* The store's words for a limit: "maximum bytes exceeded", "maximum messages exceeded". */
static bool is_full(const api_error *e)
{
    if (e->number == INSUFFICIENT_RESOURCES || e->number == STORAGE_RESOURCES_EXCEEDED) return true;
    return e->number == STORE_FAILED && ov_str_starts(e->description, OV_STR("maximum "));
}

static ov_status status_of(const api_error *e)
{
    if (e->number == MESSAGE_EXCEEDS_MAXIMUM) return OV_INVALID;
    if (is_full(e)) return OV_FAILED;
    return e->code >= CODE_UNAVAILABLE ? OV_RETRY : OV_FAILED;
}

static void read_error(ov_str text, ov_json_arena *arena, ov_bus_stored *ret)
{
    api_error e = {0};
    ov_err err;
    if (ov_json_fields_of(text, error_fields, OV_COUNT(error_fields), &e, arena, "answer: error", &err)) {
        ret->status = OV_RETRY;
        snprintf(ret->text, sizeof ret->text, "%.150s", err.msg);
        return;
    }
    ret->status = status_of(&e);
    ret->wrong_sequence = e.number == WRONG_LAST_SEQUENCE || e.number == WRONG_LAST_SEQUENCE_CONSTANT;
    if (ret->wrong_sequence) ret->status = OV_FAILED;
    ret->full = is_full(&e);
    snprintf(ret->text, sizeof ret->text, "%.*s (%lld)", (int)(e.description.len < 130 ? e.description.len : 130),
             e.description.ptr ? e.description.ptr : "", (long long)e.number);
}

static void arena_clear_p(ov_json_arena *arena)
{
    ov_json_arena_clear(arena);
}

void ov_bus_puback_parse(ov_str answer, ov_bus_stored *ret)
{
    OV_CLEANUP(arena_clear_p) ov_json_arena arena = {0};
    puback p = {0};
    ov_err err;
    *ret = (ov_bus_stored){.status = OV_OK};
    if (ov_json_fields_of(answer, puback_fields, OV_COUNT(puback_fields), &p, &arena, "answer", &err)) {
        ret->status = OV_RETRY;
        snprintf(ret->text, sizeof ret->text, "%.150s", err.msg);
    } else if (p.error.ptr) {
        read_error(p.error, &arena, ret);
    } else if (p.seq <= 0) {
        ret->status = OV_RETRY;
        snprintf(ret->text, sizeof ret->text, "answer: seq: missing");
    } else {
        ret->seq = (uint64_t)p.seq;
        ret->duplicate = p.duplicate;
    }
}
